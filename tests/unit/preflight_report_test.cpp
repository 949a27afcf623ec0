// SPDX-License-Identifier: BSL-1.0
#include <rekey/preflight_report.hpp>

#include "catch.hpp"

#include <rekey/body/json.hpp>

#include <cstdint>
#include <string>
#include <utility>

using namespace rekey;
using preflight::Answer;
using preflight::Finding;
using preflight::Preflight;
using preflight::Report;
using preflight::Verdict;

namespace {

Answer accepted() {
    Answer answer;
    answer.verdict = Verdict::accepted;
    answer.http_status = 200;
    return answer;
}
Answer refused(std::int64_t code) {
    Answer answer;
    answer.verdict = Verdict::refused;
    answer.http_status = 403;
    answer.has_service_code = true;
    answer.service_code = code;
    answer.log_id = "log-7";
    return answer;
}
/// Two credentials and two probes; the second probe is `last` for the second credential.
Report report_of(Answer last, bool old_too = true) {
    Preflight asked{{{"whoami", {}}, {"bot", {}}}, {"old", "new"}};
    (void)asked.start();
    for (Answer answer : {accepted(), old_too ? accepted() : refused(1), accepted(), last}) {
        (void)asked.answered(std::move(answer));
        (void)asked.waited();
    }
    return Report(asked);
}

}  // namespace

TEST_CASE("a report passes if the new credential was accepted wherever the old one was") {
    CHECK(report_of(accepted()).passes());
    CHECK_FALSE(report_of(refused(4101)).passes());
    CHECK(report_of(refused(4101), false).passes());
    CHECK_FALSE(Report().passes());
    CHECK_FALSE(Report(Preflight{{{"a", {}}}, {}}).passes());
    CHECK_FALSE(Report(Preflight{{{"a", {}}}, {"old", "new"}}).passes());
}

TEST_CASE("a finding that blocks fails a report, a warning does not") {
    Report report = report_of(accepted());
    Finding finding;
    finding.name = "clock_skew";
    finding.blocks = false;
    report.findings.push_back(finding);
    CHECK(report.passes());
    CHECK(report.has("clock_skew"));
    CHECK_FALSE(report.has("clock_skew", "old"));
    report.findings[0].blocks = true;
    CHECK_FALSE(report.passes());
}

TEST_CASE("a report is a table and sentences for people") {
    Report report = report_of(refused(4101));
    Finding finding;
    finding.name = "missing_permission";
    finding.requirement = "R4";
    finding.credential = "new";
    finding.suspected = true;
    finding.what = "perhaps one is missing";
    finding.next = "add it";
    finding.who = "an admin";
    finding.probe = "bot";
    finding.http_status = 403;
    finding.has_service_code = true;
    finding.service_code = 4101;
    finding.message = "no";
    finding.log_id = "log-7";
    report.findings.push_back(finding);
    report.not_checked.push_back("the rest");
    CHECK(report.text() ==
          "probe   old            new\n"
          "whoami  yes, HTTP 200  yes, HTTP 200\n"
          "bot     yes, HTTP 200  no, HTTP 403 code 4101\n"
          "\n"
          "1. missing_permission (R4), new, suspected: perhaps one is missing\n"
          "   seen: probe bot, HTTP 403 code 4101, \"no\", log id log-7\n"
          "   next: add it\n"
          "   who:  an admin\n"
          "\n"
          "not checked: the rest\n"
          "\n"
          "FAIL: new cannot yet be relied on to do what old can\n");
    CHECK(report_of(accepted()).text() ==
          "probe   old            new\n"
          "whoami  yes, HTTP 200  yes, HTTP 200\n"
          "bot     yes, HTTP 200  yes, HTTP 200\n"
          "\n"
          "PASS: new can do what old can\n");
    CHECK(report.json() ==
          R"({"passes":false,"credentials":["old","new"],"probes":[)"
          R"({"probe":"whoami","old":{"verdict":"accepted","http_status":200},)"
          R"("new":{"verdict":"accepted","http_status":200}},)"
          R"({"probe":"bot","old":{"verdict":"accepted","http_status":200},)"
          R"("new":{"verdict":"refused","http_status":403,"code":4101,"log_id":"log-7"}}],)"
          R"("findings":[{"name":"missing_permission","requirement":"R4","credential":"new",)"
          R"("suspected":true,"blocks":true,"what":"perhaps one is missing","next":"add it",)"
          R"("who":"an admin","probe":"bot","http_status":403,"code":4101,"log_id":"log-7",)"
          R"("message":"no"}],"not_checked":["the rest"]})");
}

TEST_CASE("what a service says cannot break a report") {
    Answer odd = refused(1);
    odd.log_id = "a\nb\x1b[2J\xff\"";
    const Report report = report_of(odd);
    CHECK(report.rows[1].cells[1].log_id == "a b [2J?\"");
    const std::string json = report.json();
    CHECK(body::find(json, "passes").raw == "false");
    CHECK(json.find("a b [2J?\\\"") != std::string::npos);
    CHECK(report.text().find('\x1b') == std::string::npos);
}

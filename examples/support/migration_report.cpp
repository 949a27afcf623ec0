// SPDX-License-Identifier: BSL-1.0
// MigrationReport: table and page.
#include "migration_report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace support {

using std::chrono::microseconds;

namespace {

std::string fixed(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string right(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

double seconds(microseconds time) { return static_cast<double>(time.count()) / 1e6; }

/// Where a time lies in the picture, in percent of its width.
double place(microseconds time, const Phases& phases) {
    return 100.0 * seconds(time) / seconds(phases.length);
}

/// A share of each slice of time, 0 to 1, as an SVG path over 1000 x 100 units, up to `end`.
///
/// A slice in which nothing ended keeps the level of the one before it.
template <class ShareOf>
std::string area(const std::vector<Slice>& slices, double end, const ShareOf& share_of) {
    std::string path = "M0 100";
    double level = 100;
    for (std::size_t i = 0; i != slices.size(); ++i) {
        const double x = 1000.0 * static_cast<double>(i) / static_cast<double>(slices.size());
        if (x >= 10 * end) break;
        const double share = share_of(slices[i]);
        const double now = share < 0 ? level : 100.0 - 100.0 * share;
        if (now == level && i != 0) continue;
        path += 'H' + fixed(x, 1) + 'V' + fixed(now, 1);
        level = now;
    }
    return path + 'H' + fixed(10 * end, 1) + "V100Z";
}

/// Of `of` things `part`; negative if there are none.
double share(std::size_t part, std::size_t of) {
    return of == 0 ? -1 : static_cast<double>(part) / static_cast<double>(of);
}
double answered_share(const Slice& slice) { return share(slice.answered, slice.ended); }
double first_share(const Slice& slice) { return share(slice.by[0], slice.by[0] + slice.by[1]); }

/// What a phase adds up to.
Slice sum(const std::vector<Slice>& slices, const Phases& phases, int phase) {
    Slice all;
    for (std::size_t i = 0; i != slices.size(); ++i) {
        const auto middle = static_cast<microseconds::rep>(2 * i + 1) * phases.length.count() /
                            static_cast<microseconds::rep>(2 * slices.size());
        if (phases.of(microseconds{middle}) != phase) continue;
        all.ended += slices[i].ended;
        all.answered += slices[i].answered;
        all.by[0] += slices[i].by[0];
        all.by[1] += slices[i].by[1];
    }
    return all;
}

std::string mark(microseconds time, const Phases& phases, const char* style) {
    const std::string x = fixed(10 * place(time, phases), 1);
    const std::string from_to = " x1=\"" + x + "\" x2=\"" + x + "\" y1=\"0\" y2=\"100\"/>";
    return "<line class=\"halo\"" + from_to + "<line class=\"" + style + "\"" + from_to;
}

/// A plot over the time of the load, and three texts below it, one for each phase.
std::string plot(const MigrationReport& report, const char* kind, const std::string& label,
                 const std::string& path, const std::string (&below)[3]) {
    const Phases& phases = report.phases;
    std::string out = std::string("<div class=\"plot ") + kind +
                      "\"><svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" "
                      "role=\"img\" aria-label=\"" +
                      escaped(label) + "\"><path d=\"" + path + "\"/>";
    if (!report.is_over) {
        const double now = 10 * place(report.elapsed, phases);
        out += "<rect class=\"later\" x=\"" + fixed(now, 1) + "\" width=\"" + fixed(1000 - now, 1) +
               "\" height=\"100\"/>";
    }
    out += mark(phases.move, phases, "move") + mark(phases.rollback, phases, "back") +
           "</svg></div>\n<p class=\"shares\">";
    const double edges[] = {0, place(phases.move, phases), place(phases.rollback, phases), 100};
    for (std::size_t i = 0; i != 3; ++i)
        out += "<span style=\"width:" + fixed(edges[i + 1] - edges[i], 2) + "%\">" + below[i] +
               "</span>";
    return out + "</p>\n";
}

std::string marks(const Phases& phases) {
    return "<div class=\"marks\"><span style=\"left:" + fixed(place(phases.move, phases), 2) +
           "%\">move, " + fixed(seconds(phases.move), 1) +
           " s</span><span style=\"left:" + fixed(place(phases.rollback, phases), 2) +
           "%\">rollback, " + fixed(seconds(phases.rollback), 1) + " s</span></div>\n";
}

std::string picture(const LaneReport& lane, const MigrationReport& report) {
    const double end = report.is_over ? 100 : place(report.elapsed, report.phases);
    std::string shares[3];
    std::string below[3];
    for (int phase = 0; phase != 3; ++phase) {
        const auto i = static_cast<std::size_t>(phase);
        const bool any = sum(lane.slices, report.phases, phase).ended != 0;
        shares[i] = any ? percent(lane.success(report.phases, phase)) : "nothing yet";
        below[i] = any ? shares[i] + "<br>" + fixed(lane.calls_per_request[i], 2) + " calls" : "";
    }
    return "<section class=\"lane\"><h3>" + escaped(lane.name) + " <small>" + escaped(lane.about) +
           "</small></h3>\n" +
           plot(report, "answers",
                lane.name + ": answered " + shares[0] + " before the move, " + shares[1] +
                    " until the rollback, " + shares[2] + " after it",
                area(lane.slices, end, answered_share), below) +
           "</section>\n";
}

/// Which credential the answers of a lane came with, over time.
std::string migration_bar(const MigrationReport& report) {
    const LaneReport& lane = report.lanes[report.moving_lane];
    const double end = report.is_over ? 100 : place(report.elapsed, report.phases);
    std::string shares[3];
    std::string below[3];
    for (int phase = 0; phase != 3; ++phase) {
        const auto i = static_cast<std::size_t>(phase);
        const Slice all = sum(lane.slices, report.phases, phase);
        if (all.by[0] + all.by[1] == 0) {
            shares[i] = "nothing yet";
            continue;
        }
        const double second = lane.by_second(report.phases, phase);
        shares[i] =
            second > 0.5 ? "enterprise " + percent(second) : "personal " + percent(1 - second);
        below[i] = shares[i];
    }
    return "<h2>The migration bar</h2>\n<p class=\"soft\">Which credential the answers of the " +
           escaped(lane.name) +
           " lane came with.</p>\n<ul class=\"legend\"><li><i class=\"p\"></i>personal "
           "(filled)</li><li><i class=\"e\"></i>enterprise (striped)</li></ul>\n" +
           marks(report.phases) +
           plot(report, "owners",
                "before the move " + shares[0] + ", until the rollback " + shares[1] +
                    ", after it " + shares[2],
                area(lane.slices, end, first_share), below);
}

std::string passages(const char* heading, const std::vector<Passage>& all) {
    if (all.empty()) return {};
    std::string out = std::string("<h2>") + heading + "</h2>\n";
    for (const Passage& each : all)
        out += "<h3>" + escaped(each.head) + "</h3>\n<p class=\"said\">" + escaped(each.text) +
               "</p>\n";
    return out;
}

std::string cell(const std::string& text) { return "<td>" + text + "</td>"; }

std::string style_sheet() {
    return R"(:root{color-scheme:light dark;--paper:#fbfbf9;--ink:#1b1d21;--soft:#5b6068;
--rule:#d5d7da;--ok:#2b6f8f;--bad:#b3462f;--card:#fff;--first:#2b6f8f;--second:#8a5a00}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e8e9eb;--soft:#a2a8b0;
--rule:#383c42;--ok:#5aa7c9;--bad:#e58a6e;--card:#1c1f23;--first:#5aa7c9;--second:#e0a94a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1060px;padding:24px 20px 48px;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;margin:0 0 4px}h2{font-size:1.15rem;margin:36px 0 8px}
h3{font-size:1rem;margin:0 0 6px}small,.soft{color:var(--soft);font-size:.875rem;font-weight:400}
p{margin:0 0 12px}
.verdict{border:2px solid var(--ok);border-radius:8px;padding:10px 14px;margin:16px 0;
background:var(--card);font-size:1.1rem}
.verdict.no{border-color:var(--bad);border-style:dashed}
.verdict.now{border-color:var(--soft);border-style:dotted}
.said{white-space:pre-wrap;border-left:4px solid var(--rule);padding:2px 0 2px 12px;
font-size:.9375rem}
.marks{position:relative;height:1.5em;font-size:.875rem}
.marks span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.plot{border:1px solid var(--rule);height:72px}
.answers,.legend .r{background:repeating-linear-gradient(45deg,var(--bad) 0 2px,
var(--card) 2px 8px)}
.owners,.legend .e{background:repeating-linear-gradient(-45deg,var(--second) 0 5px,
var(--card) 5px 9px)}
.plot svg{display:block;width:100%;height:100%}
.answers path{fill:var(--ok)}.owners path{fill:var(--first)}.plot .later{fill:var(--paper)}
.plot line{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
.plot line.halo{stroke:var(--card);stroke-width:6}
.plot line.move{stroke-dasharray:7 4}.plot line.back{stroke-dasharray:2 3}
.shares{display:flex;font-size:.875rem;line-height:1.3;margin:3px 0 18px;min-height:1.3em}
.shares span{text-align:center}
.legend{display:flex;flex-wrap:wrap;gap:6px 22px;font-size:.875rem;padding:0;margin:0 0 14px;
list-style:none}
.legend i{display:inline-block;width:26px;height:12px;margin-right:7px;
border:1px solid var(--rule)}
.legend .a{background:var(--ok)}.legend .p{background:var(--first)}
.legend .m,.legend .b{height:0;border:0;border-top:2px dashed var(--ink);vertical-align:middle}
.legend .b{border-top-style:dotted}
.wide{overflow-x:auto}
.calls{display:flex;flex-wrap:wrap;gap:18px 28px}
.calls figure{margin:0;min-width:0;max-width:100%}
.calls figcaption{font-size:.9375rem;margin:0 0 6px}
.calls .wide{border:1px solid var(--rule)}
.calls .wide svg.rekey-lanes{display:block;max-width:none}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
td:first-child,th.name{text-align:left}
th{font-weight:600;font-size:.875rem;vertical-align:bottom}
th.group{text-align:center}.wide+p{margin-top:10px}
.ledger{width:auto;min-width:min(420px,100%)}
.narrow{display:none}
@media(max-width:520px){.narrow{display:block}body{padding:16px 14px 36px}th,td{padding:6px 7px}}
)";
}

}  // namespace

double LaneReport::success(const Phases& phases, int phase) const {
    const Slice all = sum(slices, phases, phase);
    return all.ended == 0 ? 0 : share(all.answered, all.ended);
}
double LaneReport::by_second(const Phases& phases, int phase) const {
    const Slice all = sum(slices, phases, phase);
    return all.by[0] + all.by[1] == 0 ? 0 : share(all.by[1], all.by[0] + all.by[1]);
}

std::string percent(double share) {
    if (share >= 1) return "100 %";
    return fixed((std::min)(100 * share, 99.9), share <= 0 ? 0 : 1) + " %";
}

std::string table_text(const MigrationReport& report) {
    std::string out =
        "lane     sent  answered   lost  doubled   calls per request       p50       p99\n"
        "                                         before moved after       ms        ms\n";
    for (const LaneReport& lane : report.lanes) {
        out += lane.name + std::string(lane.name.size() < 6 ? 6 - lane.name.size() : 1, ' ');
        out += right(std::to_string(lane.sent), 7) + right(std::to_string(lane.answered), 10) +
               right(std::to_string(lane.lost), 7) + right(std::to_string(lane.doubled), 9) + "  ";
        for (const double calls : lane.calls_per_request) out += right(fixed(calls, 2), 6);
        out += right(fixed(lane.p50_ms, 2), 11) + right(fixed(lane.p99_ms, 2), 10) + '\n';
    }
    return out;
}

std::string page(const MigrationReport& report) {
    std::string out =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n";
    if (!report.is_over) out += "<meta http-equiv=\"refresh\" content=\"1\">\n";
    out += "<title>rekey: a migration under load</title>\n<style>" + style_sheet() +
           "</style></head><body>\n<h1>A migration under load</h1>\n<p class=\"soft\">" +
           escaped(report.setting) + "</p>\n";
    const char* const standing = !report.is_over ? " now\"><strong>Running. "
                                 : report.passed ? "\"><strong>Passed. "
                                                 : " no\"><strong>Failed. ";
    out += std::string("<p class=\"verdict") + standing + "</strong>" + escaped(report.verdict) +
           "</p>\n";

    out += passages("Before anything moves: the preflight", report.preflight);
    out += migration_bar(report);
    out +=
        "<h2>Share of requests answered, over time</h2>\n<ul class=\"legend\">"
        "<li><i class=\"a\"></i>answered (filled; full height: all of them)</li>"
        "<li><i class=\"r\"></i>refused (hatched)</li>"
        "<li><i class=\"m\"></i>the workspaces move to the enterprise</li>"
        "<li><i class=\"b\"></i>they are moved back</li></ul>\n";
    out += marks(report.phases);
    for (const LaneReport& lane : report.lanes) out += picture(lane, report);

    if (!report.calls.empty())
        out +=
            "<h2>What single calls did</h2>\n<p class=\"soft narrow\">What is wider than the "
            "screen "
            "can be moved sideways.</p>\n<div class=\"calls\">\n";
    for (const CallPicture& call : report.calls)
        out += "<figure><figcaption>" + escaped(call.head) +
               "</figcaption><div class=\"wide\" tabindex=\"0\">\n" + call.svg +
               "</div></figure>\n";
    if (!report.calls.empty()) out += "</div>\n";

    out +=
        "<h2>The lanes</h2>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th "
        "class=\"name\" "
        "rowspan=\"2\">lane</th>"
        "<th rowspan=\"2\">sent</th><th rowspan=\"2\">answered</th><th rowspan=\"2\">lost</th>"
        "<th rowspan=\"2\">doubled</th><th class=\"group\" colspan=\"3\">calls per request</th>"
        "<th rowspan=\"2\">p50, ms</th><th rowspan=\"2\">p99, ms</th></tr>"
        "<tr><th>before</th><th>moved</th><th>after</th></tr></thead><tbody>\n";
    for (const LaneReport& lane : report.lanes) {
        out += "<tr>" + cell(escaped(lane.name)) + cell(std::to_string(lane.sent)) +
               cell(std::to_string(lane.answered)) + cell(std::to_string(lane.lost)) +
               cell(std::to_string(lane.doubled));
        for (const double calls : lane.calls_per_request)
            out += cell(calls > 0 ? fixed(calls, 2) : "");
        for (const double time : {lane.p50_ms, lane.p99_ms})
            out += cell(report.is_over ? fixed(time, 2) : "");
        out += "</tr>\n";
    }
    out +=
        "</tbody></table></div>\n<p class=\"soft\">Sent and answered as the sender saw it; lost, "
        "doubled and calls as the server counted them. Lost: never executed. Doubled: executed "
        "more than once. Times count from when a request was due.</p>\n";

    if (!report.app_auth.empty())
        out += "<h2>OAuth JWT app (AppAuth), beside them</h2>\n<p>" + escaped(report.app_auth) +
               "</p>\n";
    out += passages("Can the old credential go?", report.advice);
    out +=
        "<h2>The server's ledger</h2>\n<div class=\"wide\" tabindex=\"0\"><table "
        "class=\"ledger\"><tbody>\n";
    for (const auto& [name, count] : report.ledger)
        out += "<tr>" + cell(escaped(name)) + cell(std::to_string(count)) + "</tr>\n";
    return out + "</tbody></table></div>\n</body></html>\n";
}

}  // namespace support

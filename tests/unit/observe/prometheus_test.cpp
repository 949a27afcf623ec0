// SPDX-License-Identifier: BSL-1.0
#include <rekey/observe/prometheus.hpp>

#include <rekey/observe/meter.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "tests/support/clients.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <locale>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using observe::Meter;
using observe::Snapshot;

/// A strict reader of the text format 0.0.4: one complaint, or none.
class Exposition {
public:
    explicit Exposition(std::string_view text) { read(text); }

    std::string complaint{};
    std::map<std::string, std::string> values{};  // by name and labels as they are written

private:
    struct Sample {
        std::string name;
        std::map<std::string, std::string> labels;
        std::string value;
    };

    bool wrong(const std::string& what) {
        if (complaint.empty()) complaint = what + " in: " + std::string(line_);
        return false;
    }
    static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    static bool is_name(std::string_view name, bool of_label) {
        if (name.empty() || (!is_letter(name[0]) && (of_label || name[0] != ':'))) return false;
        for (const char c : name)
            if (!is_letter(c) && !is_digit(c) && (of_label || c != ':')) return false;
        return !of_label || name.substr(0, 2) != "__";
    }
    static bool is_number(std::string_view text) {
        if (text == "NaN" || text == "+Inf") return true;
        std::size_t digits = 0;
        std::size_t points = 0;
        for (const char c : text) {
            if (is_digit(c))
                ++digits;
            else if (c == '.')
                ++points;
            else
                return false;
        }
        return digits > 0 && points <= 1 && is_digit(text.front()) && is_digit(text.back());
    }
    static std::string_view word(std::string_view& text) {
        const std::size_t end = text.find(' ');
        const std::string_view first = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        return first;
    }

    void read(std::string_view text) {
        if (text.empty() || text.back() != '\n') return void(wrong("no end of line at the end"));
        while (!text.empty() && complaint.empty()) {
            line_ = text.substr(0, text.find('\n'));
            text.remove_prefix(line_.size() + 1);
            if (line_.empty()) return void(wrong("an empty line"));
            if (line_[0] == '#')
                comment(line_);
            else
                sample(line_);
        }
        if (complaint.empty()) end_of_family();
    }
    void comment(std::string_view rest) {
        word(rest);
        const std::string_view kind = word(rest);
        const std::string name(word(rest));
        if (!is_name(name, false)) return void(wrong("a bad name"));
        if (kind == "HELP") {
            end_of_family();
            if (!families_.insert(name).second) wrong("a second family of this name");
            if (rest.empty()) wrong("an empty help");
            family_ = name;
            type_.clear();
        } else if (kind == "TYPE") {
            if (name != family_ || !type_.empty()) wrong("a type that does not follow its help");
            type_ = rest;
            if (type_ != "counter" && type_ != "gauge" && type_ != "histogram") wrong("a bad type");
            const bool is_total = name.size() > 6 && name.substr(name.size() - 6) == "_total";
            if ((type_ == "counter") != is_total) wrong("_total is the ending of counters");
        } else {
            wrong("a comment that is neither HELP nor TYPE");
        }
    }
    void sample(std::string_view rest) {
        Sample found;
        std::size_t at = 0;
        while (at < rest.size() && rest[at] != '{' && rest[at] != ' ') ++at;
        found.name = rest.substr(0, at);
        if (!is_name(found.name, false)) return void(wrong("a bad name"));
        if (at < rest.size() && rest[at] == '{' && !labels(rest, at, found)) return;
        const std::string series(rest.substr(0, at));
        if (at >= rest.size() || rest[at] != ' ') return void(wrong("no blank before the value"));
        found.value = rest.substr(at + 1);
        if (!is_number(found.value)) return void(wrong("a value that is no number"));
        if (type_.empty()) return void(wrong("a sample without a type"));
        if (!values.emplace(series, found.value).second)
            return void(wrong("a series that came twice"));
        if (type_ == "histogram") return part_of_histogram(found);
        if (found.name != family_) wrong("a sample of another family");
    }
    bool labels(std::string_view rest, std::size_t& at, Sample& found) {
        ++at;
        for (;;) {
            const std::size_t equals = rest.find("=\"", at);
            if (equals == std::string_view::npos) return wrong("a label without a value");
            const std::string name(rest.substr(at, equals - at));
            if (!is_name(name, true)) return wrong("a bad label");
            std::string value;
            for (at = equals + 2; at < rest.size() && rest[at] != '"'; ++at) {
                if (rest[at] != '\\') {
                    value += rest[at];
                    continue;
                }
                if (++at == rest.size()) return wrong("a backslash at the end");
                if (rest[at] != 'n' && rest[at] != '"' && rest[at] != '\\')
                    return wrong("an unknown escape");
                value += rest[at] == 'n' ? '\n' : rest[at];
            }
            if (at >= rest.size()) return wrong("a label without an end");
            if (!found.labels.emplace(name, value).second) return wrong("a label that came twice");
            ++at;
            if (at < rest.size() && rest[at] == '}') return ++at, true;
            if (at >= rest.size() || rest[at] != ',') return wrong("no comma between labels");
            ++at;
        }
    }
    struct Histogram {
        double last_bound = -1;
        std::uint64_t last_count = 0;
        bool has_infinity = false;
        bool has_sum = false;
        bool has_count = false;
    };
    void part_of_histogram(Sample& found) {
        std::string bound;
        if (const auto le = found.labels.find("le"); le != found.labels.end()) {
            bound = le->second;
            found.labels.erase(le);
        }
        Histogram& histogram = histograms_[found.labels];
        const std::uint64_t count = std::strtoull(found.value.c_str(), nullptr, 10);
        if (found.name == family_ + "_bucket") {
            if (bound.empty()) return void(wrong("a bucket without le"));
            if (histogram.has_infinity) return void(wrong("a bucket behind +Inf"));
            if (count < histogram.last_count) return void(wrong("buckets that fall"));
            if (!is_number(bound)) return void(wrong("a bound that is no number"));
            histogram.has_infinity = bound == "+Inf";
            std::size_t end = 0;
            if (!histogram.has_infinity) {
                const double value = decimal(bound, end);
                if (value <= histogram.last_bound) return void(wrong("bounds that do not grow"));
                histogram.last_bound = value;
            }
            histogram.last_count = count;
        } else if (found.name == family_ + "_sum") {
            histogram.has_sum = true;
        } else if (found.name == family_ + "_count") {
            histogram.has_count = true;
            if (count != histogram.last_count) wrong("a count that is not the +Inf bucket");
        } else {
            wrong("a sample of another family");
        }
    }
    static double decimal(const std::string& text, std::size_t&) {
        double value = 0;
        double unit = 0;
        for (const char c : text) {
            if (c == '.') {
                unit = 1;
                continue;
            }
            value = value * 10 + (c - '0');
            unit *= 10;
        }
        return unit > 0 ? value / unit : value;
    }
    void end_of_family() {
        for (const auto& [labels, histogram] : histograms_)
            if (!histogram.has_infinity || !histogram.has_sum || !histogram.has_count)
                wrong("a histogram that lacks +Inf, _sum or _count: " + family_);
        histograms_.clear();
    }

    std::string_view line_{};
    std::string family_{};
    std::string type_{};
    std::set<std::string> families_{};
    std::map<std::map<std::string, std::string>, Histogram> histograms_{};
};

struct BotOf {
    std::string_view operator()(const HttpRequest& request) const { return request.body; }
};

/// A page with a bit of everything.
Snapshot busy() {
    testing::Script script;
    script.then(200).then(401, 4101).then(200).then(503).then(429).then(401, 4101).then(403);
    testing::ManualClock clock;
    const auto meter = std::make_unique<Meter<BotOf>>();
    const Client client{script, both(), OnCodes{}, UseClock{clock}, Observe{*meter}};
    for (const char* const bot : {"one", "a \"b\" \\ c", "line\nend", "\xff", ""}) {
        HttpRequest request = chat();
        request.body = bot;
        (void)client.send(request);
        clock.advance(2500ms);
    }
    return meter->snapshot(clock.now());
}

}  // namespace

TEST_CASE("the strict reader sees what is wrong with a page") {
    const std::string good = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n";
    CHECK(Exposition(good).complaint.empty());
    const auto complaint = [&good](std::string_view from, std::string_view to) {
        std::string bad = good;
        bad.replace(bad.find(from), from.size(), to);
        return Exposition(bad).complaint;
    };
    CHECK_FALSE(complaint("# TYPE a_total counter\n", "").empty());
    CHECK_FALSE(complaint("# HELP a_total Things.\n", "").empty());
    CHECK_FALSE(complaint("Things.", "").empty());
    CHECK_FALSE(complaint("counter", "gauge").empty());
    CHECK_FALSE(complaint("x=\"1\"", "x=\"1").empty());
    CHECK_FALSE(complaint("x=\"1\"", "x=\"\\1\"").empty());
    CHECK_FALSE(complaint("x=\"1\"", "x=\"1\",x=\"2\"").empty());
    CHECK_FALSE(complaint("x=\"1\"", "1x=\"1\"").empty());
    CHECK_FALSE(complaint(" 2\n", " two\n").empty());
    CHECK_FALSE(complaint(" 2\n", " 2").empty());
    CHECK_FALSE(complaint(" 2\n", " 2\n\n").empty());
    CHECK_FALSE(complaint(" 2\n", " 2\na_total{x=\"1\"} 3\n").empty());
    CHECK_FALSE(complaint(" 2\n", " 2\nb_total 3\n").empty());
    const std::string histogram =
        "# HELP h Times.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
        "h_sum 3\nh_count 2\n";
    CHECK(Exposition(histogram).complaint.empty());
    const auto spoiled = [&histogram](std::string_view from, std::string_view to) {
        std::string bad = histogram;
        bad.replace(bad.find(from), from.size(), to);
        return Exposition(bad).complaint;
    };
    CHECK_FALSE(spoiled("h_bucket{le=\"+Inf\"} 2\n", "").empty());
    CHECK_FALSE(spoiled("h_sum 3\n", "").empty());
    CHECK_FALSE(spoiled("h_count 2\n", "").empty());
    CHECK_FALSE(spoiled("h_count 2", "h_count 3").empty());
    CHECK_FALSE(spoiled("\"1\"} 1", "\"1\"} 4").empty());
    CHECK_FALSE(spoiled("{le=\"1\"}", "{le=\"one\"}").empty());
}

TEST_CASE("a page of a meter is what Prometheus reads, whatever the names in it") {
    Snapshot seen = busy();
    CHECK(Exposition(prometheus_text(seen)).complaint == "");
    seen.credentials[0].name = "a \"quoted\\name\nof two lines";
    const std::string text = prometheus_text(seen);
    const Exposition page(text);
    CHECK(page.complaint == "");
    CHECK(text.find("credential=\"a \\\"quoted\\\\name\\nof two lines\"") != std::string::npos);
    CHECK(Exposition(prometheus_text(Snapshot{})).complaint == "");
    const auto unused = std::make_unique<Meter<>>();
    CHECK(Exposition(prometheus_text(*unused)).complaint == "");
}

TEST_CASE("a page holds the numbers of the meter") {
    const Snapshot seen = busy();
    auto values = Exposition(prometheus_text(seen)).values;
    const std::string personal = "{slot=\"0\",credential=\"personal\"";
    CHECK(values["rekey_calls_total{reason=\"success\"}"] == "2");
    CHECK(values["rekey_calls_total{reason=\"exception\"}"] == "0");
    CHECK(values["rekey_attempts_total" + personal + ",class=\"accepted\"}"] == "1");
    CHECK(values["rekey_attempts_total" + personal + ",class=\"auth_rejected\"}"] == "2");
    CHECK(values["rekey_error_answers_total" + personal + ",code=\"4101\"}"] == "2");
    CHECK(values["rekey_error_answers_total" + personal + ",http_status=\"503\"}"] == "1");
    CHECK(values["rekey_attempt_success_ratio" + personal + ",window=\"1m\"}"] == "0.2000");
    CHECK(values["rekey_calls_passed_total" + personal + "}"] == "1");
    CHECK(values["rekey_credential_idle_seconds" + personal + "}"] == "12.5");
    CHECK(values["rekey_call_duration_seconds_count"] == "5");
    CHECK(values["rekey_call_duration_seconds_bucket{le=\"+Inf\"}"] == "5");
    CHECK(values["rekey_key_served_total" + personal + ",key=\"one\"}"] == "1");
    CHECK(values["rekey_key_failed_total{key=\"one\"}"] == "0");
}

TEST_CASE("seconds are written exactly, and alike in every locale") {
    using observe::seconds_text;
    CHECK(seconds_text(0ns) == "0");
    CHECK(seconds_text(1ns) == "0.000000001");
    CHECK(seconds_text(250us) == "0.00025");
    CHECK(seconds_text(1500ms) == "1.5");
    CHECK(seconds_text(10s) == "10");
    CHECK(seconds_text(-1s) == "0");
    CHECK(observe::span_text(999us) == "0 ms");
    CHECK(observe::span_text(1500ms) == "1500 ms");
    CHECK(observe::span_text(119s) == "119 s");
    CHECK(observe::span_text(120s) == "2 min");
    CHECK(observe::span_text(2h) == "2 h");
    CHECK(observe::span_text(48h) == "2 days");
    CHECK(observe::exposition::ratio_text({0, 0}) == "NaN");
    CHECK(observe::exposition::ratio_text({3, 3}) == "1");
    CHECK(observe::exposition::ratio_text({3, 1}) == "0.3333");
    CHECK(observe::exposition::ratio_text({3, 0}) == "0.0000");
}

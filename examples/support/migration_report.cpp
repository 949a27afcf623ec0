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

/// The share answered in equal slices of time, as an SVG path over 1000 x 100 units.
///
/// A slice without any sample keeps the level of the one before it.
std::string area(const LaneReport& lane, const Phases& phases) {
    constexpr std::size_t slices = 90;
    std::size_t due[slices] = {};
    std::size_t answered[slices] = {};
    for (const Sample& sample : lane.samples) {
        const double share = seconds(sample.due) / seconds(phases.length);
        const auto slice =
            (std::min)(static_cast<std::size_t>(share * static_cast<double>(slices)), slices - 1);
        ++due[slice];
        if (sample.answered) ++answered[slice];
    }
    std::string path = "M0 100";
    double level = 100;
    for (std::size_t i = 0; i != slices; ++i) {
        const double now = due[i] == 0 ? level
                                       : 100.0 - 100.0 * static_cast<double>(answered[i]) /
                                                     static_cast<double>(due[i]);
        if (now == level && i != 0) continue;
        const double x = 1000.0 * static_cast<double>(i) / static_cast<double>(slices);
        path += 'H' + fixed(x, 1) + 'V' + fixed(now, 1);
        level = now;
    }
    return path + "H1000V100Z";
}

std::string mark(microseconds time, const Phases& phases, const char* style) {
    const std::string x = fixed(10 * place(time, phases), 1);
    const std::string from_to = " x1=\"" + x + "\" x2=\"" + x + "\" y1=\"0\" y2=\"100\"/>";
    return "<line class=\"halo\"" + from_to + "<line class=\"" + style + "\"" + from_to;
}

std::string picture(const LaneReport& lane, const Phases& phases) {
    const std::string before = percent(lane.success(phases, 0));
    const std::string moved = percent(lane.success(phases, 1));
    const std::string after = percent(lane.success(phases, 2));
    std::string out = "<section class=\"lane\"><h3>" + escaped(lane.name) + " <small>" +
                      escaped(lane.about) + "</small></h3>\n";
    out +=
        "<div class=\"plot\"><svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" "
        "role=\"img\" aria-label=\"" +
        escaped(lane.name) + ": answered " + before + " before the move, " + moved +
        " until the rollback, " + after + " after it\"><path d=\"" + area(lane, phases) + "\"/>" +
        mark(phases.move, phases, "move") + mark(phases.rollback, phases, "back") +
        "</svg></div>\n<p class=\"shares\">";
    const double edges[] = {0, place(phases.move, phases), place(phases.rollback, phases), 100};
    const std::string* const shares[] = {&before, &moved, &after};
    for (std::size_t i = 0; i != 3; ++i)
        out += "<span style=\"width:" + fixed(edges[i + 1] - edges[i], 2) + "%\">" + *shares[i] +
               "<br>" + fixed(lane.calls_per_request[i], 2) + " calls</span>";
    return out + "</p></section>\n";
}

std::string cell(const std::string& text) { return "<td>" + text + "</td>"; }

std::string style_sheet() {
    return R"(:root{color-scheme:light dark;--paper:#fbfbf9;--ink:#1b1d21;--soft:#5b6068;
--rule:#d5d7da;--ok:#2b6f8f;--bad:#b3462f;--card:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e8e9eb;--soft:#a2a8b0;
--rule:#383c42;--ok:#5aa7c9;--bad:#e58a6e;--card:#1c1f23}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1060px;padding:24px 20px 48px;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 4px}h2{font-size:1.15rem;margin:36px 0 8px}
h3{font-size:1rem;margin:0 0 6px}small,.soft{color:var(--soft);font-weight:400}
p{margin:0 0 12px}
.verdict{border:2px solid var(--ok);border-radius:8px;padding:10px 14px;margin:16px 0;
background:var(--card);font-size:1.1rem}
.verdict.no{border-color:var(--bad);border-style:dashed}
.marks{position:relative;height:1.5em;font-size:.85rem}
.marks span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.plot{border:1px solid var(--rule);background:repeating-linear-gradient(45deg,var(--bad) 0 2px,
var(--card) 2px 8px);height:72px}
svg{display:block;width:100%;height:100%}
path{fill:var(--ok)}
line{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
line.halo{stroke:var(--card);stroke-width:6}
line.move{stroke-dasharray:7 4}line.back{stroke-dasharray:2 3}
.shares{display:flex;font-size:.85rem;line-height:1.3;margin:3px 0 18px}
.shares span{text-align:center}
.legend{display:flex;flex-wrap:wrap;gap:6px 22px;font-size:.85rem;padding:0;margin:0 0 14px;
list-style:none}
.legend i{display:inline-block;width:26px;height:12px;margin-right:7px;
border:1px solid var(--rule)}
.legend .a{background:var(--ok)}.legend .r{background:repeating-linear-gradient(45deg,
var(--bad) 0 2px,var(--card) 2px 8px)}
.legend .m,.legend .b{height:0;border:0;border-top:2px dashed var(--ink);vertical-align:middle}
.legend .b{border-top-style:dotted}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
td:first-child,th.name{text-align:left}
th{font-weight:600;font-size:.85rem;vertical-align:bottom}
th.group{text-align:center}.wide+p{margin-top:10px}
.ledger{width:auto;min-width:min(420px,100%)}
)";
}

}  // namespace

double LaneReport::success(const Phases& phases, int phase) const {
    std::size_t due = 0;
    std::size_t good = 0;
    for (const Sample& sample : samples) {
        if (phases.of(sample.due) != phase) continue;
        ++due;
        if (sample.answered) ++good;
    }
    return due == 0 ? 0 : static_cast<double>(good) / static_cast<double>(due);
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
        out += right(fixed(percentile_ms(lane.samples, 0.5), 2), 11) +
               right(fixed(percentile_ms(lane.samples, 0.99), 2), 10) + '\n';
    }
    return out;
}

std::string page(const MigrationReport& report) {
    const Phases& phases = report.phases;
    std::string out =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<title>rekey: a migration under load</title>\n<style>" +
        style_sheet() + "</style></head><body>\n<h1>A migration under load</h1>\n";
    out += "<p class=\"soft\">" + escaped(report.setting) + "</p>\n";
    out += std::string("<p class=\"verdict") + (report.passed ? "" : " no") + "\"><strong>" +
           (report.passed ? "Passed. " : "Failed. ") + "</strong>" + escaped(report.verdict) +
           "</p>\n";

    out +=
        "<h2>Share of requests answered, over time</h2>\n<ul class=\"legend\">"
        "<li><i class=\"a\"></i>answered (filled; full height: all of them)</li>"
        "<li><i class=\"r\"></i>refused (hatched)</li>"
        "<li><i class=\"m\"></i>the workspaces move to the enterprise</li>"
        "<li><i class=\"b\"></i>they are moved back</li></ul>\n";
    out += "<div class=\"marks\"><span style=\"left:" + fixed(place(phases.move, phases), 2) +
           "%\">move, " + fixed(seconds(phases.move), 1) +
           " s</span><span style=\"left:" + fixed(place(phases.rollback, phases), 2) +
           "%\">rollback, " + fixed(seconds(phases.rollback), 1) + " s</span></div>\n";
    for (const LaneReport& lane : report.lanes) out += picture(lane, phases);

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
        for (const double calls : lane.calls_per_request) out += cell(fixed(calls, 2));
        out += cell(fixed(percentile_ms(lane.samples, 0.5), 2)) +
               cell(fixed(percentile_ms(lane.samples, 0.99), 2)) + "</tr>\n";
    }
    out +=
        "</tbody></table></div>\n<p class=\"soft\">Sent and answered as the sender saw it; lost, "
        "doubled and calls as the server counted them. Lost: never executed. Doubled: executed "
        "more than once. Times count from when a request was due.</p>\n";

    out += "<h2>OAuth JWT app (AppAuth), beside them</h2>\n<p>" + escaped(report.app_auth) +
           "</p>\n<h2>The server's ledger</h2>\n<div class=\"wide\" tabindex=\"0\"><table "
           "class=\"ledger\"><tbody>\n";
    for (const auto& [name, count] : report.ledger)
        out += "<tr>" + cell(escaped(name)) + cell(std::to_string(count)) + "</tr>\n";
    return out + "</tbody></table></div>\n</body></html>\n";
}

}  // namespace support

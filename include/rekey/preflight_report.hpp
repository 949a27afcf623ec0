// SPDX-License-Identifier: BSL-1.0
// Report: what a preflight has found, as a value, a table for people and JSON for machines.
#ifndef REKEY_PREFLIGHT_REPORT_HPP
#define REKEY_PREFLIGHT_REPORT_HPP

#include <rekey/body/json_writer.hpp>
#include <rekey/detail/foreign_text.hpp>
#include <rekey/preflight.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace preflight {

/// One thing that is wrong: what, how we know, what to do, and who can.
struct Finding {
    std::string name{};         ///< A fixed word: `dead_token`.
    std::string requirement{};  ///< Of the service's advice that it breaks: `R5`; may be empty.
    std::string credential{};   ///< Whose; empty if it is about all of them.
    bool suspected = false;     ///< The answers suggest it and do not prove it.
    bool blocks = true;         ///< While it stands, the move is not safe.
    std::string what{};
    std::string next{};
    std::string who{};
    // The answer that shows it; the probe is empty if no answer does.
    std::string probe{};
    int http_status = 0;
    bool has_service_code = false;
    std::int64_t service_code = 0;
    std::string message{};
    std::string log_id{};
};

/// One cell of the table.
struct Cell {
    Verdict verdict = Verdict::not_asked;
    int http_status = 0;
    bool has_service_code = false;
    std::int64_t service_code = 0;
    std::string log_id{};
};
struct Row {
    std::string probe{};
    std::vector<Cell> cells{};  ///< As many as there are credentials.
};

/// What was asked, what was found, what nobody can tell.
class Report {
public:
    std::vector<std::string> credentials{};
    std::vector<Row> rows{};
    std::vector<Finding> findings{};
    std::vector<std::string> not_checked{};

    Report() = default;
    explicit Report(const Preflight& preflight);

    /// Whether the last credential was accepted wherever the first was, at least once, and nothing
    /// that was found blocks.
    bool passes() const noexcept;
    bool has(std::string_view finding, std::string_view credential = {}) const noexcept {
        for (const Finding& each : findings)
            if (each.name == finding && (credential.empty() || each.credential == credential))
                return true;
        return false;
    }

    /// A table and sentences, for a terminal; plain text, 7-bit but for what the service said.
    std::string text() const;
    /// One JSON object: `passes`, `credentials`, `probes`, `findings`, `not_checked`.
    std::string json() const;
};

namespace detail {

inline std::string evidence(int http_status, bool has_code, std::int64_t code) {
    std::string text = http_status == 0 ? "no answer" : "HTTP ";
    if (http_status != 0) text += std::to_string(http_status);
    if (has_code) text += " code ";
    if (has_code) text += std::to_string(code);
    return text;
}
inline std::string shown(const Cell& cell) {
    if (cell.verdict == Verdict::not_asked) return "-";
    std::string text = cell.verdict == Verdict::accepted  ? "yes, "
                       : cell.verdict == Verdict::refused ? "no, "
                                                          : "unclear, ";
    return text += evidence(cell.http_status, cell.has_service_code, cell.service_code);
}
inline void pad(std::string& text, std::size_t width) {
    // Of names that are not ASCII only the first byte of a character takes a column.
    std::size_t columns = 0;
    for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xc0u) != 0x80u ? 1 : 0;
    text.append(columns < width ? width - columns : 0, ' ');
}
/// What the service said is not ours to trust: JsonWriter takes UTF-8 only.
inline std::string printable(std::string_view text) {
    std::string kept(text);
    rekey::detail::keep_to_one_line(kept);
    body::JsonWriter writer;
    writer.array_begin();
    writer.value(kept);
    if (!writer.ok())
        for (char& c : kept)
            if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return kept;
}

}  // namespace detail

inline Report::Report(const Preflight& preflight) : credentials(preflight.credentials()) {
    for (std::size_t probe = 0; probe != preflight.probes().size(); ++probe) {
        const std::string& name = preflight.probes()[probe].name;
        Row* row = nullptr;
        for (Row& each : rows)
            if (each.probe == name) row = &each;
        if (row == nullptr) {
            row = &rows.emplace_back();
            row->probe = name;
            row->cells.resize(credentials.size());
        }
        for (std::size_t slot = 0; slot != credentials.size(); ++slot) {
            const Answer& answer = preflight.answer(slot, probe);
            if (answer.verdict != Verdict::not_asked)
                row->cells[slot] = {answer.verdict, answer.http_status, answer.has_service_code,
                                    answer.service_code, detail::printable(answer.log_id)};
        }
    }
}

inline bool Report::passes() const noexcept {
    for (const Finding& finding : findings)
        if (finding.blocks) return false;
    bool any = false;
    if (credentials.empty()) return false;
    for (const Row& row : rows) {
        const bool last = row.cells.back().verdict == Verdict::accepted;
        if (row.cells.front().verdict == Verdict::accepted && !last) return false;
        any = any || last;
    }
    return any;
}

inline std::string Report::text() const {
    std::vector<std::size_t> widths{5};
    for (const std::string& credential : credentials) widths.push_back(credential.size());
    const auto widen = [](std::size_t& width, std::size_t wanted) {
        if (width < wanted) width = wanted;
    };
    for (const Row& row : rows) {
        widen(widths[0], row.probe.size());
        for (std::size_t i = 0; i != row.cells.size(); ++i)
            widen(widths[i + 1], detail::shown(row.cells[i]).size());
    }
    std::string text;
    const auto line = [&](const std::string& head, const auto& cell) {
        std::string padded = head;
        detail::pad(padded, widths[0]);
        for (std::size_t i = 0; i != credentials.size(); ++i) {
            padded += "  ";
            std::string next = cell(i);
            if (i + 1 != credentials.size()) detail::pad(next, widths[i + 1]);
            padded += next;
        }
        text += padded + '\n';
    };
    line("probe", [&](std::size_t i) { return credentials[i]; });
    for (const Row& row : rows)
        line(row.probe, [&](std::size_t i) { return detail::shown(row.cells[i]); });
    std::size_t number = 0;
    for (const Finding& finding : findings) {
        text += '\n' + std::to_string(++number) + ". " + finding.name;
        if (!finding.requirement.empty()) text += " (" + finding.requirement + ')';
        if (!finding.credential.empty()) text += ", " + finding.credential;
        if (finding.suspected) text += ", suspected";
        if (!finding.blocks) text += ", warning";
        text += ": " + finding.what + '\n';
        if (!finding.probe.empty()) {
            text += "   seen: probe " + finding.probe + ", " +
                    detail::evidence(finding.http_status, finding.has_service_code,
                                     finding.service_code);
            if (!finding.message.empty()) text += ", \"" + finding.message + '"';
            if (!finding.log_id.empty()) text += ", log id " + finding.log_id;
            text += '\n';
        }
        text += "   next: " + finding.next + "\n   who:  " + finding.who + '\n';
    }
    if (!not_checked.empty()) text += '\n';
    for (const std::string& sentence : not_checked) text += "not checked: " + sentence + '\n';
    const std::string last = credentials.empty() ? "" : credentials.back();
    const std::string first = credentials.empty() ? "" : credentials.front();
    text += '\n' + std::string(passes() ? "PASS: " : "FAIL: ") + last +
            (passes() ? " can do what " : " cannot yet be relied on to do what ") + first +
            " can\n";
    return text;
}

inline std::string Report::json() const {
    body::JsonWriter writer;
    const auto evidence = [&](const auto& from) {
        writer.member("http_status", from.http_status);
        if (from.has_service_code) writer.member("code", from.service_code);
        if (!from.log_id.empty()) writer.member("log_id", from.log_id);
    };
    writer.object_begin();
    writer.member("passes", passes());
    writer.key("credentials");
    writer.array_begin();
    for (const std::string& credential : credentials) writer.value(credential);
    writer.array_end();
    writer.key("probes");
    writer.array_begin();
    for (const Row& row : rows) {
        writer.object_begin();
        writer.member("probe", row.probe);
        for (std::size_t i = 0; i != row.cells.size(); ++i) {
            writer.key(credentials[i]);
            writer.object_begin();
            writer.member("verdict", to_string(row.cells[i].verdict));
            if (row.cells[i].verdict != Verdict::not_asked) evidence(row.cells[i]);
            writer.object_end();
        }
        writer.object_end();
    }
    writer.array_end();
    writer.key("findings");
    writer.array_begin();
    for (const Finding& finding : findings) {
        writer.object_begin();
        writer.member("name", finding.name);
        if (!finding.requirement.empty()) writer.member("requirement", finding.requirement);
        if (!finding.credential.empty()) writer.member("credential", finding.credential);
        writer.member("suspected", finding.suspected);
        writer.member("blocks", finding.blocks);
        writer.member("what", finding.what);
        writer.member("next", finding.next);
        writer.member("who", finding.who);
        if (!finding.probe.empty()) {
            writer.member("probe", finding.probe);
            evidence(finding);
            if (!finding.message.empty()) writer.member("message", finding.message);
        }
        writer.object_end();
    }
    writer.array_end();
    writer.key("not_checked");
    writer.array_begin();
    for (const std::string& sentence : not_checked) writer.value(sentence);
    writer.array_end();
    writer.object_end();
    return std::move(writer).text();
}

}  // namespace preflight
}  // namespace v0_1
}  // namespace rekey

#endif

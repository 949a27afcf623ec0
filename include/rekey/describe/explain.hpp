// SPDX-License-Identifier: BSL-1.0
// explain: a result as lanes of attempts, as text and as a picture.
#ifndef REKEY_DESCRIBE_EXPLAIN_HPP
#define REKEY_DESCRIBE_EXPLAIN_HPP

#include <rekey/detail/foreign_text.hpp>
#include <rekey/result.hpp>
#include <rekey/trail.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rekey {
inline namespace v0_1 {

namespace detail {

/// How one attempt ended: a symbol and a word, so that a picture needs no colour.
struct Verdict {
    std::string_view symbol;
    std::string_view word;
    std::string_view tone;  // of the picture: good, bad or odd
};
constexpr Verdict verdict_of(const TrailEntry& entry) noexcept {
    switch (entry.fault) {
        case Fault::nothing: break;
        case Fault::malformed: return {"?", "unreadable", "odd"};
        case Fault::misconfigured: return {"!", "unusable", "bad"};
        case Fault::lasting: return {"!", "cannot work", "bad"};
    }
    switch (entry.reach) {
        case Reach::never_sent: return {"/", "not sent", "odd"};
        case Reach::sent_unanswered: return {"?", "no answer", "odd"};
        case Reach::cut_short: return {"?", "cut short", "odd"};
        case Reach::answered:
        case Reach::delivered: break;
    }
    switch (entry.failure) {
        case NoFailure: return {"✓", "accepted", "good"};
        case AuthRejected: return {"✗", "refused", "bad"};
        case NotFound: return {"∅", "not found", "bad"};
        case RateLimited: return {"‖", "rate limited", "odd"};
        case QuotaExhausted: return {"$", "quota used up", "bad"};
        case Transient: return {"!", "failing", "odd"};
        case Permanent: return {"✗", "wrong request", "bad"};
    }
    return {"?", "unknown", "odd"};
}
constexpr std::string_view why(Move move) noexcept {
    switch (move) {
        case Move::first: return "first";
        case Move::repeat: return "repeat";
        case Move::renew: return "renewed";
        case Move::fall_back: return "fall back";
        case Move::straddle: return "route changed";
    }
    return "unknown";
}
constexpr std::string_view why(StopReason reason) noexcept {
    switch (reason) {
        case StopReason::success: return "accepted";
        case StopReason::remedies_used_up: return "every credential was refused";
        case StopReason::attempts_used_up: return "no attempt is left";
        case StopReason::deadline: return "the time is over";
        case StopReason::budget_spent: return "the retry budget is spent";
        case StopReason::not_retryable: return "nothing to gain by another attempt";
        case StopReason::unsafe_to_repeat: return "repeating it may do harm";
        case StopReason::come_back_later: return "come back later";
        case StopReason::needs_user: return "the user must authorize";
        case StopReason::exchange_failed: return "no token could be obtained";
        case StopReason::cancelled: return "cancelled";
    }
    return "unknown";
}
/// `HTTP 200`; of no answer: nothing.
inline std::string status_of(const TrailEntry& entry) {
    return entry.http_status == 0 ? std::string() : "HTTP " + std::to_string(entry.http_status);
}
/// `code 4101`; where there was none: nothing.
inline std::string code_of(const TrailEntry& entry) {
    return entry.has_service_code ? "code " + std::to_string(entry.service_code) : std::string();
}
/// Both, `HTTP 200, code 4101`.
inline std::string numbers_of(const TrailEntry& entry) {
    const std::string status = status_of(entry);
    const std::string code = code_of(entry);
    return status + (status.empty() || code.empty() ? "" : ", ") + code;
}

/// A trail as a table: one lane a credential, one column an attempt.
///
/// Reads the trail and nothing else: names of credentials, numbers and what the numbers mean. There
/// is no text of a server and no token in it that could get into a picture.
class Lanes {
public:
    struct Column {
        const TrailEntry* entry;  // null: here the middle is not kept
        std::size_t lane;
    };

    Lanes(const Trail& trail, StopReason reason) : omitted_(trail.omitted()) {
        for (std::size_t i = 0; i != trail.size(); ++i) {
            if (i == trail.size() / 2 && omitted_ != 0) columns_.push_back({nullptr, 0});
            columns_.push_back({&trail[i], lane_of(trail, trail[i])});
        }
        title_ = reason == StopReason::success ? "accepted" : std::string(why(reason));
        if (reason == StopReason::success && !trail.empty()) {
            const std::string by = name_of(trail.credential(trail.back()));
            if (!by.empty()) title_ += " as " + by;
        }
        title_ += trail.count() == 0   ? "; nothing was sent"
                  : trail.count() == 1 ? "; 1 attempt"
                                       : "; " + std::to_string(trail.count()) + " attempts";
        keep_to_one_line(title_);
    }

    const std::string& title() const noexcept { return title_; }
    const std::vector<Column>& columns() const noexcept { return columns_; }
    const std::vector<std::string>& names() const noexcept { return names_; }
    std::string omitted() const { return std::to_string(omitted_) + " more"; }

    static std::string head(const TrailEntry& entry) {
        std::string text = entry.exchange ? "token for " : "";
        text += std::to_string(entry.number) + ' ';
        text.append(why(entry.move));
        return text;
    }

private:
    static std::string name_of(std::string_view name) {
        std::string text(name);
        keep_to_one_line(text);
        return text;
    }
    std::size_t lane_of(const Trail& trail, const TrailEntry& entry) {
        for (std::size_t lane = 0; lane != slots_.size(); ++lane)
            if (slots_[lane] == entry.slot) return lane;
        slots_.push_back(entry.slot);
        const std::string name = name_of(trail.credential(entry));
        names_.push_back(name.empty() ? std::string("request") : name);
        return slots_.size() - 1;
    }

    std::size_t omitted_;
    std::string title_{};
    std::vector<Column> columns_{};
    std::vector<std::uint8_t> slots_{};
    std::vector<std::string> names_{};
};

/// How many places a text takes on a line: two for a letter of East Asia or a pictograph, one for
/// any other.
inline std::size_t places(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? unsigned{static_cast<unsigned char>(text[i])} : 0u;
    };
    std::size_t count = 0;
    for (std::size_t i = 0; i != text.size(); ++i) {
        const unsigned lead = byte(i);
        const unsigned next = byte(i + 1);
        if ((lead & 0xc0) == 0x80) continue;
        ++count;
        // From U+2E80 on, less U+A500 to U+ABFF, U+D7B0 to U+F8FF and the half widths of U+FF61.
        if ((lead == 0xe2 && next >= 0xba) || (lead >= 0xe3 && lead <= 0xe9) ||
            (lead == 0xea && (next <= 0x93 || next >= 0xb0)) || lead == 0xeb || lead == 0xec ||
            (lead == 0xed && next <= 0x9e) || (lead == 0xef && next >= 0xa4 && next <= 0xab) ||
            (lead == 0xef && (next == 0xbc || (next == 0xbd && byte(i + 2) <= 0xa0))) ||
            (lead == 0xf0 && next >= 0x9f))
            ++count;
    }
    return count;
}
inline void fill(std::string& line, std::size_t width) {
    for (std::size_t now = places(line); now < width; ++now) line += ' ';
}

inline std::string lanes_text(const Lanes& lanes) {
    const auto cell = [&lanes](const Lanes::Column& column, std::size_t lane, int row) {
        if (column.entry == nullptr) return row == 0 ? lanes.omitted() : std::string("…");
        if (row == 0) return Lanes::head(*column.entry);
        if (column.lane != lane) return std::string("·");
        if (row == 2) return numbers_of(*column.entry);
        const Verdict verdict = verdict_of(*column.entry);
        return std::string(verdict.symbol).append(" ").append(verdict.word);
    };
    std::vector<std::string> rows(1 + 2 * lanes.names().size());
    for (std::size_t lane = 0; lane != lanes.names().size(); ++lane)
        rows[1 + 2 * lane] = lanes.names()[lane];
    for (const Lanes::Column& column : lanes.columns()) {
        std::size_t width = 0;
        for (const std::string& row : rows)
            if (places(row) > width) width = places(row);
        for (std::string& row : rows) fill(row, width + 2);
        rows[0] += cell(column, 0, 0);
        for (std::size_t lane = 0; lane != lanes.names().size(); ++lane) {
            rows[1 + 2 * lane] += cell(column, lane, 1);
            if (column.entry != nullptr && column.lane == lane)
                rows[2 + 2 * lane] += cell(column, lane, 2);
        }
    }
    std::string text = lanes.title() + '\n';
    if (lanes.columns().empty()) return text;
    for (std::string& row : rows) {
        while (!row.empty() && row.back() == ' ') row.pop_back();
        if (!row.empty()) text += row + '\n';
    }
    return text;
}

inline std::string xml(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&': safe += "&amp;"; break;
            case '<': safe += "&lt;"; break;
            case '>': safe += "&gt;"; break;
            case '"': safe += "&quot;"; break;
            case '\'': safe += "&#39;"; break;
            default: safe += c;
        }
    }
    return safe;
}

inline std::string lanes_svg(const Lanes& lanes) {
    // Narrow enough that two attempts stand side by side on a phone, at the size of its text.
    std::size_t step = 118;
    const auto widen = [](std::size_t& width, std::size_t wanted) {
        if (width < wanted) width = wanted;
    };
    for (const Lanes::Column& column : lanes.columns())
        if (column.entry != nullptr) {
            widen(step, places(Lanes::head(*column.entry)) * 7 + 18);
            widen(step, (places(verdict_of(*column.entry).word) + 2) * 8 + 28);
            widen(step, places(status_of(*column.entry)) * 7 + 28);
            widen(step, places(code_of(*column.entry)) * 7 + 28);
        }
    constexpr std::size_t row = 80;
    std::size_t left = 60;
    for (const std::string& name : lanes.names()) widen(left, places(name) * 8 + 24);
    std::size_t width = left + step * lanes.columns().size() + 4;
    widen(width, places(lanes.title()) * 9 + 20);
    const std::size_t height = 60 + row * lanes.names().size();
    const auto number = [](std::size_t value) { return std::to_string(value); };

    std::string svg =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"rekey-lanes\" viewBox=\"0 "
        "0 " +
        number(width) + ' ' + number(height) + "\" width=\"" + number(width) + "\" height=\"" +
        number(height) + "\" role=\"img\">\n";
    svg += "<title>" + xml(lanes.title()) + "</title>\n<desc>" + xml(lanes_text(lanes)) +
           "</desc>\n"
           "<style>.rekey-lanes{font:14px system-ui,'DejaVu "
           "Sans',sans-serif;max-width:100%;height:auto;"
           "--paper:#fbfbf9;--ink:#1b1b20;--line:#6a6a72;--good:#1d6b3a;--bad:#a3301b;"
           "--odd:#7a5200}"
           "@media (prefers-color-scheme:dark){.rekey-lanes{--paper:#17171b;--ink:#ececf0;"
           "--line:#9a9aa4;--good:#7fd39b;--bad:#ff9e88;--odd:#ecc16a}}"
           ".rekey-lanes text{fill:var(--ink)}.rekey-lanes .paper{fill:var(--paper)}"
           ".rekey-lanes .line{stroke:var(--line);fill:none}"
           ".rekey-lanes .box{fill:none;stroke-width:1.5}"
           ".rekey-lanes .good{stroke:var(--good)}.rekey-lanes .bad{stroke:var(--bad)}"
           ".rekey-lanes .odd{stroke:var(--odd);stroke-dasharray:4 3}</style>\n"
           "<rect class=\"paper\" width=\"" +
           number(width) + "\" height=\"" + number(height) + "\"/>\n";
    const auto text = [&](std::size_t x, std::size_t y, std::string_view what, const char* more) {
        svg += "<text x=\"" + number(x) + "\" y=\"" + number(y) + '"' + more + '>' + xml(what) +
               "</text>\n";
    };
    text(10, 22, lanes.title(), " font-weight=\"bold\"");
    for (std::size_t lane = 0; lane != lanes.names().size(); ++lane) {
        const std::size_t y = 56 + row * lane;
        text(10, y + 37, lanes.names()[lane], "");
        svg += "<path class=\"line\" d=\"M" + number(left - 8) + ' ' + number(y + 32) + 'H' +
               number(width - 10) + "\"/>\n";
    }
    for (std::size_t i = 0; i != lanes.columns().size(); ++i) {
        const Lanes::Column& column = lanes.columns()[i];
        const std::size_t x = left + step * i;
        if (column.entry == nullptr) {
            text(x + 6, 46, "… " + lanes.omitted() + " …", " font-size=\"12\"");
            continue;
        }
        const std::size_t y = 54 + row * column.lane;
        const Verdict verdict = verdict_of(*column.entry);
        text(x + 6, 46, Lanes::head(*column.entry), " font-size=\"12\"");
        for (const char* kind : {"paper", "box"}) {
            svg += std::string("<rect class=\"") + kind;
            if (kind[0] == 'b') svg.append(" ").append(verdict.tone);
            svg += "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" +
                   number(step - 12) + "\" height=\"68\" rx=\"4\"/>\n";
        }
        text(x + 8, y + 22, std::string(verdict.symbol).append(" ").append(verdict.word), "");
        text(x + 8, y + 41, status_of(*column.entry), " font-size=\"12\"");
        text(x + 8, y + 58, code_of(*column.entry), " font-size=\"12\"");
    }
    return svg + "</svg>\n";
}

}  // namespace detail

/// How a call went, as lanes: one a credential, one column an attempt, with class and code.
///
/// ```
/// accepted as enterprise; 2 attempts
///             1 first              2 fall back
/// personal    ✗ refused            ·
///             HTTP 200, code 4101
/// enterprise  ·                    ✓ accepted
///                                  HTTP 200, code 0
/// ```
/// Of a long call the first four and the last four attempts; the count is exact. Holds no token, no
/// URL and no words of the service: the trail has none.
template <class Response> std::string explain(const Result<Response>& result) {
    return detail::lanes_text(detail::Lanes(result.trail(), result.stop_reason()));
}

/// The same as an SVG element that a page can hold: light and dark as the reader likes it, no
/// script, and nothing said by colour alone. Its words are in `<desc>` too, for those who listen.
template <class Response> std::string explain_svg(const Result<Response>& result) {
    return detail::lanes_svg(detail::Lanes(result.trail(), result.stop_reason()));
}

}  // namespace v0_1
}  // namespace rekey

#endif

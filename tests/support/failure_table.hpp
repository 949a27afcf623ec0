// SPDX-License-Identifier: BSL-1.0
// failure_table: what docs/transports.md says of the failures of one library.
#ifndef REKEY_TESTS_SUPPORT_FAILURE_TABLE_HPP
#define REKEY_TESTS_SUPPORT_FAILURE_TABLE_HPP

#include <rekey/transport.hpp>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"

namespace failure_table {

/// One cell: what rekey says, and the codes or names that stand there for it.
struct Row {
    std::string says{};  ///< `never_sent`, `never_sent, lasting`, `sent_unanswered`, `cut_short`.
    std::vector<std::string> words{};
};

inline std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, '|');) {
        const std::size_t first = cell.find_first_not_of(" `");
        const std::size_t last = cell.find_last_not_of(" `");
        cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    }
    return cells;
}

/// The rows of the page's table for the library of that column. A word is of letters and digits.
inline std::vector<Row> of(const std::string& library) {
#if defined(REKEY_TEST_DATA)
    std::ifstream page(REKEY_TEST_DATA "/../../docs/transports.md");
#else
    std::ifstream page("docs/transports.md");
#endif
    REQUIRE(page.good());
    std::vector<Row> rows;
    std::size_t column = 0;
    for (std::string line; std::getline(page, line);) {
        const std::vector<std::string> cells = cells_of(line);
        if (cells.size() > 3 && cells[1] == "rekey says")
            for (std::size_t i = 0; i != cells.size(); ++i)
                if (cells[i] == library) column = i;
        if (column == 0) continue;
        if (line.empty()) break;
        Row row;
        for (const char c : cells[1])
            if (c != '`') row.says += c;
        std::string word;
        for (const char c : cells[column] + " ") {
            const bool is_part =
                (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
            if (is_part) {
                word += c;
            } else {
                if (!word.empty()) row.words.push_back(word);
                word.clear();
            }
        }
        rows.push_back(std::move(row));
    }
    REQUIRE(rows.size() == 8);  // The head, the line below it, and six rows.
    return rows;
}

/// The error in the words of the page.
inline std::string said(const rekey::TransportError& error) {
    using rekey::Reach;
    std::string reach = error.reach == Reach::never_sent        ? "never_sent"
                        : error.reach == Reach::sent_unanswered ? "sent_unanswered"
                                                                : "cut_short";
    if (error.verdict == rekey::TransportVerdict::lasting) reach += ", lasting";
    return reach;
}

}  // namespace failure_table

#endif

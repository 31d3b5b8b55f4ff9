// A table of text for the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trapline::viewer {

enum class Align { left, right };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::right;
    bool shrinks = false;  // may be cut short, so that the table is no wider than kWidth
  };
  static constexpr std::size_t kWidth = 120;

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // Title line, column heads, rows; every line is indented by two and ends with a newline.
  [[nodiscard]] std::string text(std::string_view title) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Breaks a line between words; what follows is indented by four.
[[nodiscard]] std::string wrapped(std::string text);

// 1234567 ns -> "1.235 ms": four significant digits and a unit.
[[nodiscard]] std::string short_time(double ns);

}  // namespace trapline::viewer

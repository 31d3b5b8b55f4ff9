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
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // Title line, column heads, rows; every line is indented by two and ends with a newline.
  [[nodiscard]] std::string text(std::string_view title) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// 1234567 ns -> "1.235 ms": four significant digits and a unit.
[[nodiscard]] std::string short_time(double ns);

}  // namespace trapline::viewer

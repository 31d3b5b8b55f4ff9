#include "viewer/tables/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace trapline::viewer {

namespace {

constexpr std::size_t kLeastWidth = 12;

std::string cut_to(const std::string& cell, std::size_t width) {
  return cell.size() <= width ? cell : cell.substr(0, width - 2) + "..";
}

}  // namespace

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_)
    widths.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::size_t line = 1;
  for (const std::size_t width : widths)
    line += 1 + width;
  for (std::size_t i = 0; i < widths.size() && line > kWidth; ++i) {
    if (!columns_[i].shrinks || widths[i] <= kLeastWidth) continue;
    const std::size_t less = std::min(line - kWidth, widths[i] - kLeastWidth);
    widths[i] -= less;
    line -= less;
  }
  return widths;
}

std::string Table::text(std::string_view title) const {
  const std::vector<std::size_t> widths = this->widths();
  std::string out = fmt::format("{}\n", title);
  const auto line = [&](const auto& cell_of) {
    std::string text = " ";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cut_to(cell_of(i), widths[i]);
      text += columns_[i].align == Align::left ? fmt::format(" {:<{}}", cell, widths[i])
                                               : fmt::format(" {:>{}}", cell, widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  };
  line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) {
    line([&](std::size_t i) -> const std::string& { return row[i]; });
  }
  return out;
}

std::string wrapped(std::string text) {
  std::string out;
  while (text.size() > Table::kWidth) {
    const std::size_t space = text.rfind(' ', Table::kWidth);
    if (space == std::string::npos || space <= 4) break;
    out += text.substr(0, space) + "\n";
    text = "    " + text.substr(space + 1);
  }
  return out + text + "\n";
}

std::string short_time(double ns) {
  constexpr std::array units = {std::pair{1e9, "s"}, std::pair{1e6, "ms"}, std::pair{1e3, "us"}};
  for (const auto& [size, unit] : units) {
    if (ns >= size * 0.99995) return fmt::format("{:.4g} {}", ns / size, unit);
  }
  return fmt::format("{:.4g} ns", ns);
}

}  // namespace trapline::viewer

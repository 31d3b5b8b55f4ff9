#include "viewer/tables/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace trapline::viewer {

std::string Table::text(std::string_view title) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_)
    widths.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out = fmt::format("{}\n", title);
  const auto line = [&](const auto& cell_of) {
    std::string text = " ";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      text += columns_[i].align == Align::left ? fmt::format(" {:<{}}", cell_of(i), widths[i])
                                               : fmt::format(" {:>{}}", cell_of(i), widths[i]);
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

std::string short_time(double ns) {
  constexpr std::array units = {std::pair{1e9, "s"}, std::pair{1e6, "ms"}, std::pair{1e3, "us"}};
  for (const auto& [size, unit] : units) {
    if (ns >= size * 0.99995) return fmt::format("{:.4g} {}", ns / size, unit);
  }
  return fmt::format("{:.4g} ns", ns);
}

}  // namespace trapline::viewer

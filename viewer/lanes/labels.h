// Texts that slices carry, each kept once and from then on a number: a format renders it once, too.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace trapline::viewer {

using Label = std::uint32_t;  // from 0, without gaps

class Labels {
 public:
  [[nodiscard]] Label label(std::string_view text);
  [[nodiscard]] std::string_view text(Label label) const { return texts_[label]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // does not move what it holds
  std::unordered_map<std::string_view, Label> numbers_;
};

}  // namespace trapline::viewer

#include "viewer/lanes/labels.h"

namespace trapline::viewer {

Label Labels::label(std::string_view text) {
  if (const auto found = numbers_.find(text); found != numbers_.end()) return found->second;
  const auto number = static_cast<Label>(texts_.size());
  numbers_.emplace(texts_.emplace_back(text), number);
  return number;
}

}  // namespace trapline::viewer

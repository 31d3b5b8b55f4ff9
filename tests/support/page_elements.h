// The data of a page that was written, as its elements.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trapline::test {

struct PageElements {
  std::vector<std::string> hot;  // unpacked, in order
  std::vector<std::string> cold;
  std::vector<std::pair<std::string, std::string>> json;  // by id
};

[[nodiscard]] PageElements elements_of(std::string_view page);
[[nodiscard]] const std::string& json_of(const PageElements& elements, std::string_view id);  // empty: none

}  // namespace trapline::test

#include "viewer/tables/printable.h"

#include <algorithm>

namespace trapline::viewer {

std::string printable(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '.');
  return result;
}

}  // namespace trapline::viewer

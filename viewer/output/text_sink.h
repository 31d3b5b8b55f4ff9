// Where a view's bytes go: a file, a compressor, a string in a test.
#pragma once

#include <string_view>

#include "base/result.h"

namespace trapline::viewer {

class TextSink {
 public:
  virtual ~TextSink() = default;
  [[nodiscard]] virtual Status write(std::string_view text) = 0;
};

}  // namespace trapline::viewer

// Keeps what is written, in memory.
#pragma once

#include <string>

#include "viewer/output/text_sink.h"

namespace trapline::viewer {

struct StringSink : TextSink {
  std::string text;

  Status write(std::string_view part) override {
    text += part;
    return {};
  }
};

}  // namespace trapline::viewer

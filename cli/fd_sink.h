// Where an export goes: an open file.
#pragma once

#include <span>
#include <string>

#include "base/file.h"
#include "viewer/output/text_sink.h"

namespace trapline::cli {

class FdSink : public viewer::TextSink {
 public:
  // `name` is what an error names. The caller keeps `fd` open.
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Status write(std::string_view text) override {
    return write_all(fd_, std::as_bytes(std::span(text)), name_);
  }

 private:
  int fd_;
  std::string name_;
};

}  // namespace trapline::cli

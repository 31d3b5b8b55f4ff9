// Writes JSON as it goes, for documents with a member for every event. (Small documents are
// nlohmann::json's.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trapline::viewer {

// Where written text goes: a file, a compressor, a string in a test.
class TextSink {
 public:
  virtual ~TextSink() = default;
  [[nodiscard]] virtual Status write(std::string_view text) = 0;
};

// Commas and quotes are the writer's duty, matching of begin and end the caller's. The first error of the
// sink is kept and told by finish(); what is written after it goes nowhere.
class JsonStream {
 public:
  explicit JsonStream(TextSink& sink) : sink_(sink) {}

  void begin_object();
  void end_object();
  void begin_array();
  void end_array();

  void key(std::string_view name);
  void string(std::string_view text);  // any bytes: what is not UTF-8 becomes U+FFFD
  void number(std::uint64_t value);
  void number(std::int64_t value);
  void boolean(bool value);
  // Nanoseconds as microseconds with three decimals, exact: 1234 -> 1.234.
  void microseconds(std::uint64_t ns);
  void hex(std::uint64_t value);  // "0x1f" as a string: JSON's numbers end at 2^53
  // A new line between members, so that a large document can be read and compared by line.
  void line_break() { line_break_ = true; }

  // Hands everything to the sink.
  [[nodiscard]] Status finish();

 private:
  void before_value();
  void append(std::string_view text);

  TextSink& sink_;
  std::string buffer_;
  std::vector<bool> has_members_;
  bool after_key_ = false;
  bool line_break_ = false;
  Status status_;
};

}  // namespace trapline::viewer

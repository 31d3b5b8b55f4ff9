// Writes JSON as it goes, for documents with a member for every event. (Small documents are
// nlohmann::json's.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "viewer/output/text_buffer.h"

namespace trapline::viewer {

// Text as a JSON string, quotes included; any bytes: what is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_quoted(std::string_view text);

// Commas and quotes are the writer's duty, matching of begin and end the caller's. The first error of the
// sink is kept and told by finish(); what is written after it goes nowhere.
class JsonStream {
 public:
  explicit JsonStream(TextSink& sink) : out_(sink) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  void key(std::string_view name);
  void string(std::string_view text);  // any bytes: what is not UTF-8 becomes U+FFFD
  void number(std::uint64_t value) {
    before_value();
    out_.decimal(value);
  }
  void number(std::int64_t value) {
    before_value();
    out_.decimal(value);
  }
  void boolean(bool value) {
    before_value();
    out_.put(value ? std::string_view("true") : std::string_view("false"));
  }
  void null() {
    before_value();
    out_.put(std::string_view("null"));
  }
  // Nanoseconds as microseconds with three decimals, exact: 1234 -> 1.234.
  void microseconds(std::uint64_t ns) {
    before_value();
    out_.thousandths(ns);
  }
  // "0x1f" as a string: JSON's numbers end at 2^53
  void hex(std::uint64_t value) {
    before_value();
    out_.put('"');
    out_.hex(value);
    out_.put('"');
  }

  // What is said again and again is made into text once: json_quoted(), or members and values that another
  // JsonStream wrote.
  void rendered_key(std::string_view quoted) {
    before_value();
    out_.put(quoted);
    out_.put(':');
    after_key_ = true;
  }
  void rendered(std::string_view members_or_value) {
    before_value();
    out_.put(members_or_value);
  }

  // A new line between members, so that a large document can be read and compared by line.
  void line_break() { line_break_ = true; }

  // Whether the sink has failed: the rest may be left out.
  [[nodiscard]] bool failed() const { return out_.failed(); }
  // Hands everything to the sink.
  [[nodiscard]] Status finish() { return out_.finish(); }

 private:
  void before_value() {
    if (after_key_) {
      after_key_ = false;
      return;
    }
    if (has_members_) out_.put(',');
    has_members_ = true;
    if (line_break_) out_.put('\n');
    line_break_ = false;
  }
  void open(char bracket) {
    before_value();
    out_.put(bracket);
    has_members_ = false;
  }
  // What was opened is itself a member of what it is in.
  void close(char bracket) {
    has_members_ = true;
    out_.put(bracket);
  }

  TextBuffer out_;
  bool has_members_ = false;  // of what was opened last
  bool after_key_ = false;
  bool line_break_ = false;
};

}  // namespace trapline::viewer

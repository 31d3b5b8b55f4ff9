// Gathers what is written a few bytes at a time into pieces that are worth a call of the sink. No view has
// another way out: this is what they spend their time in.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "viewer/output/text_sink.h"

namespace trapline::viewer {

// The first error of the sink is kept and told by finish(); what is written after it goes nowhere.
class TextBuffer {
 public:
  explicit TextBuffer(TextSink& sink)
      : sink_(sink), begin_(std::make_unique<char[]>(kSize)), at_(begin_.get()) {}

  void put(char c) {
    if (at_ == limit()) flush();
    *at_++ = c;
  }

  void put(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(limit() - at_)) return put_after_flush(text);
    if (text.empty()) return;  // its data() may be null
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  template <typename Integer>
  void decimal(Integer value) {
    make_room();
    at_ = std::to_chars(at_, at_ + kNumber, value).ptr;
  }

  void hex(std::uint64_t value) {  // 0x1f
    make_room();
    *at_++ = '0';
    *at_++ = 'x';
    at_ = std::to_chars(at_, at_ + kNumber, value, 16).ptr;
  }

  // A thousandth with three decimals, exact: 1234 -> 1.234.
  void thousandths(std::uint64_t value) {
    make_room();
    at_ = std::to_chars(at_, at_ + kNumber, value / 1000).ptr;
    const auto rest = static_cast<unsigned>(value % 1000);
    at_[0] = '.';
    at_[1] = static_cast<char>('0' + rest / 100);
    at_[2] = static_cast<char>('0' + rest / 10 % 10);
    at_[3] = static_cast<char>('0' + rest % 10);
    at_ += 4;
  }

  [[nodiscard]] bool failed() const { return !status_; }

  // Hands everything to the sink.
  [[nodiscard]] Status finish() {
    flush();
    return status_;
  }

 private:
  static constexpr std::size_t kSize = std::size_t{1} << 18;
  static constexpr std::ptrdiff_t kNumber = 24;  // digits of the longest
  static constexpr std::ptrdiff_t kLongest = kNumber + 8;

  [[nodiscard]] const char* limit() const { return begin_.get() + kSize; }
  void make_room() {
    if (limit() - at_ < kLongest) flush();
  }
  void flush();
  void put_after_flush(std::string_view text);

  TextSink& sink_;
  std::unique_ptr<char[]> begin_;
  char* at_;
  Status status_;
};

}  // namespace trapline::viewer

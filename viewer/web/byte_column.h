// A column of numbers as bytes: each a little-endian base-128 number (LEB128), signed ones zigzag first, so
// that small distances take one byte. docs/view.md describes what the page reads.
#pragma once

#include <cstdint>
#include <string>

namespace trapline::viewer {

// 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}

class ByteColumn {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void distance(std::int64_t value) { number(zigzag(value)); }
  // What lies between two numbers, whichever is larger; wraps around as they do.
  void distance(std::uint64_t from, std::uint64_t to) { distance(static_cast<std::int64_t>(to - from)); }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace trapline::viewer

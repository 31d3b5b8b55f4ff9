// A small protobuf message under construction: numbers and references only, so that it has a place of known
// size and costs no allocation. Texts are written by protozero::pbf_writer, once each.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>
#include <string_view>

namespace trapline::viewer::perfetto {

template <std::size_t kCapacity>
class Message {
 public:
  template <typename Field>
  void number(Field field, std::uint64_t value) {
    tag(field, protozero::pbf_wire_type::varint);
    varint(value);
  }
  template <typename Field>
  void fixed64(Field field, std::uint64_t value) {
    tag(field, protozero::pbf_wire_type::fixed64);
    for (int shift = 0; shift < 64; shift += 8)
      bytes_[size_++] = static_cast<char>(value >> shift & 0xff);
  }
  template <typename Field>
  void message(Field field, std::string_view inner) {
    tag(field, protozero::pbf_wire_type::length_delimited);
    varint(inner.size());
    std::memcpy(&bytes_[size_], inner.data(), inner.size());
    size_ += inner.size();
  }

  [[nodiscard]] std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  template <typename Field>
  void tag(Field field, protozero::pbf_wire_type type) {
    varint(static_cast<std::uint32_t>(field) << 3U | static_cast<std::uint32_t>(type));
  }
  void varint(std::uint64_t value) {
    size_ += static_cast<std::size_t>(protozero::write_varint(&bytes_[size_], value));
  }

  std::array<char, kCapacity> bytes_;
  std::size_t size_ = 0;
};

}  // namespace trapline::viewer::perfetto

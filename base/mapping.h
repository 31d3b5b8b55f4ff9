// A memory mapping with one owner.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"

namespace trapline {

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // mmap(2) of `size` bytes of `fd` from `offset`; `name` is what error messages call it.
  static Result<Mapping> of_file(int fd, std::size_t size, int protection, int flags, std::string_view name,
                                 long offset = 0);
  // Zeroed memory of this process, not swapped to a file.
  static Result<Mapping> anonymous(std::size_t size, std::string_view name);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  void reset();

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// So many bytes rounded up to whole pages.
[[nodiscard]] constexpr std::size_t whole_pages(std::size_t bytes) {
  constexpr std::size_t page = 4096;
  return (bytes + page - 1) / page * page;
}

}  // namespace trapline

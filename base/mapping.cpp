#include "base/mapping.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace trapline {

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Mapping::~Mapping() {
  reset();
}

void Mapping::reset() {
  if (data_ != nullptr) ::munmap(std::exchange(data_, nullptr), std::exchange(size_, 0));
}

Result<Mapping> Mapping::of_file(int fd, std::size_t size, int protection, int flags, std::string_view name,
                                 long offset) {
  void* address = ::mmap(nullptr, size, protection, flags, fd, offset);
  if (address == MAP_FAILED) return fail(system_error("map", name, errno));
  return Mapping(static_cast<std::byte*>(address), size);
}

Result<Mapping> Mapping::anonymous(std::size_t size, std::string_view name) {
  return of_file(-1, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, name);
}

}  // namespace trapline

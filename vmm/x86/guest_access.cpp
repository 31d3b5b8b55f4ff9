#include "vmm/x86/guest_access.h"

#include <algorithm>
#include <cstring>

#include "vmm/x86/paging.h"

namespace trapline::vmm::x86 {

namespace {

// Calls `each` with the HVAs of one page's part after the other; false where one cannot be reached.
template <typename Each>
bool for_each_page(const AddressSpace& space, std::uint64_t gva, std::size_t bytes, bool write, Each each) {
  std::size_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = gva + done;
    const auto translation = walk(space.memory, space.root, at);
    if (!translation || (write && !translation->access.writable)) return false;
    const auto in_page = static_cast<std::size_t>(kPageBytes - at % kPageBytes);
    const std::size_t part = std::min(bytes - done, in_page);
    if (translation->gpa >= space.memory.size() || space.memory.size() - translation->gpa < part)
      return false;
    each(space.memory.subspan(static_cast<std::size_t>(translation->gpa), part), done);
    done += part;
  }
  return true;
}

}  // namespace

bool read_bytes(const AddressSpace& space, std::uint64_t gva, std::span<std::byte> target) {
  return for_each_page(space, gva, target.size(), false, [&](std::span<std::byte> page, std::size_t done) {
    std::memcpy(target.data() + done, page.data(), page.size());
  });
}

bool write_bytes(const AddressSpace& space, std::uint64_t gva, std::span<const std::byte> source) {
  const auto nothing = [](std::span<std::byte>, std::size_t) {};
  if (!for_each_page(space, gva, source.size(), true, nothing)) return false;
  return for_each_page(space, gva, source.size(), true, [&](std::span<std::byte> page, std::size_t done) {
    std::memcpy(page.data(), source.data() + done, page.size());
  });
}

}  // namespace trapline::vmm::x86

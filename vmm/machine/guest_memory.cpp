#include "vmm/machine/guest_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "vmm/machine/layout.h"

namespace trapline::vmm {

Result<GuestMemory> GuestMemory::create(std::size_t bytes) {
  // Private, because shared anonymous memory gets huge pages only where shmem_enabled says so.
  TRAPLINE_ASSIGN(mapping, Mapping::of_file(-1, bytes + kHugePageBytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, "guest memory"));
  const auto address = reinterpret_cast<std::uintptr_t>(mapping.data());
  const std::size_t skipped = (kHugePageBytes - address % kHugePageBytes) % kHugePageBytes;
  const std::span<std::byte> ram = mapping.bytes().subspan(skipped, bytes);
  // Advice: a host without huge pages runs the same, with more nested page faults.
  (void)::madvise(ram.data(), ram.size(), MADV_HUGEPAGE);
  std::memset(ram.data(), 0, ram.size());
  return GuestMemory(std::move(mapping), ram);
}

Result<std::span<std::byte>> GuestMemory::at(std::uint64_t gpa, std::size_t size) const {
  if (gpa > ram_.size() || ram_.size() - gpa < size) {
    return fail(fmt::format("guest memory has no {} bytes at GPA {:#x}", size, gpa));
  }
  return ram_.subspan(gpa, size);
}

}  // namespace trapline::vmm

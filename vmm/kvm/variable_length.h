// KVM's structures that end in an array of any length. Several <linux/stddef.h> declare that array through an
// empty struct, which has size 1 in C++: sizes, offsets and the request numbers made of them are then wrong
// (Debian 12's 6.1 headers). These are the C layouts.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace trapline::vmm {

// struct kvm_cpuid2, kvm_msrs and kvm_irq_routing up to their entries.
struct KvmEntriesHeader {
  std::uint32_t count = 0;
  std::uint32_t padding = 0;
};
static_assert(sizeof(KvmEntriesHeader) == 8);

// struct kvm_irq_routing has a count and flags, of which there are none.
inline constexpr unsigned long kSetGsiRouting = _IOW(KVMIO, 0x6a, KvmEntriesHeader);
inline constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, KvmEntriesHeader);
inline constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, KvmEntriesHeader);
inline constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, KvmEntriesHeader);

// struct kvm_stats_desc up to its name.
struct KvmStatsDescriptor {
  std::uint32_t flags = 0;
  std::int16_t exponent = 0;
  std::uint16_t size = 0;    // values: 1, or the buckets of a histogram
  std::uint32_t offset = 0;  // bytes in the data block
  std::uint32_t bucket_size = 0;
};
static_assert(sizeof(KvmStatsDescriptor) == 16);

template <typename Entry>
[[nodiscard]] std::vector<std::byte> with_entries(std::span<const Entry> entries) {
  KvmEntriesHeader header;
  header.count = static_cast<std::uint32_t>(entries.size());
  std::vector<std::byte> buffer(sizeof header + entries.size_bytes());
  std::memcpy(buffer.data(), &header, sizeof header);
  if (!entries.empty()) std::memcpy(buffer.data() + sizeof header, entries.data(), entries.size_bytes());
  return buffer;
}

}  // namespace trapline::vmm

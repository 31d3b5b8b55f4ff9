#include "vmm/kvm/stats.h"

#include <linux/kvm.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include "vmm/kvm/variable_length.h"

namespace trapline::vmm {

namespace {

Status read_at(const Fd& fd, std::span<std::byte> bytes, std::uint64_t offset, const std::string& object) {
  const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (got < 0) return fail(system_error("read the statistics of", object, errno));
  if (static_cast<std::size_t>(got) != bytes.size()) return fail("short read of the statistics of " + object);
  return {};
}

}  // namespace

// The layout is api.rst, 4.133: header, descriptors of header.name_size longer than their struct, data.
Result<VcpuStats> VcpuStats::of(Fd fd, std::string object) {
  kvm_stats_header header{};
  TRAPLINE_TRY(read_at(fd, std::as_writable_bytes(std::span(&header, 1)), 0, object));
  const std::size_t stride = sizeof(KvmStatsDescriptor) + header.name_size;
  std::vector<std::byte> descriptors(stride * header.num_desc);
  TRAPLINE_TRY(read_at(fd, descriptors, header.desc_offset, object));

  std::vector<Entry> entries;
  for (std::size_t at = 0; at + stride <= descriptors.size(); at += stride) {
    KvmStatsDescriptor descriptor;
    std::memcpy(&descriptor, descriptors.data() + at, sizeof descriptor);
    if (descriptor.size != 1) continue;  // a histogram
    const auto* name = reinterpret_cast<const char*>(descriptors.data() + at + sizeof descriptor);
    entries.push_back({std::string(name, ::strnlen(name, header.name_size)), descriptor.offset});
  }
  return VcpuStats(std::move(fd), std::move(object), std::move(entries), header.data_offset);
}

Result<std::vector<VcpuStat>> VcpuStats::read() const {
  std::vector<VcpuStat> stats;
  stats.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    std::uint64_t value = 0;
    TRAPLINE_TRY(read_at(fd_, std::as_writable_bytes(std::span(&value, 1)),
                         std::uint64_t{data_offset_} + entry.offset, object_));
    stats.push_back({entry.name, value});
  }
  return stats;
}

}  // namespace trapline::vmm

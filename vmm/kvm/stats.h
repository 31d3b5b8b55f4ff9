// What KVM itself counts for a vCPU (KVM_GET_STATS_FD; Linux 5.14 and later).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace trapline::vmm {

struct VcpuStat {
  std::string name;  // KVM's own: "exits", "io_exits", "halt_exits", ...
  std::uint64_t value = 0;
};

class VcpuStats {
 public:
  // Reads the descriptors once; `object` is what error messages call the vCPU.
  static Result<VcpuStats> of(Fd fd, std::string object);

  // The counters as they are now, histograms left out.
  [[nodiscard]] Result<std::vector<VcpuStat>> read() const;

 private:
  struct Entry {
    std::string name;
    std::uint32_t offset = 0;  // bytes in the data block
  };
  VcpuStats(Fd fd, std::string object, std::vector<Entry> entries, std::uint32_t data_offset)
      : fd_(std::move(fd)),
        object_(std::move(object)),
        entries_(std::move(entries)),
        data_offset_(data_offset) {}

  Fd fd_;
  std::string object_;
  std::vector<Entry> entries_;
  std::uint32_t data_offset_;
};

}  // namespace trapline::vmm

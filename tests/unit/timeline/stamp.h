// Stamps of a guest, dated.
#pragma once

#include "tracer/timeline/dated.h"

namespace trapline::tracer::test {

inline DatedStamp stamp(std::uint64_t ns, guest_stamp_kind kind, std::uint16_t vector = 0,
                        std::uint64_t arg = 0, std::uint16_t workload = GUEST_WORKLOAD_INT80) {
  DatedStamp dated{HostNs{ns}, {}};
  dated.stamp.kind = static_cast<std::uint16_t>(kind);
  dated.stamp.vector = vector;
  dated.stamp.arg = arg;
  dated.stamp.workload = workload;
  return dated;
}

}  // namespace trapline::tracer::test

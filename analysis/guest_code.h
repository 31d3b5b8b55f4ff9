// Which guest code the exits came from: the RIPs of each reason.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tracer/timeline/timeline.h"

namespace trapline::analysis {

struct RipRow {
  std::uint64_t rip = 0;
  std::uint64_t count = 0;
  std::uint64_t handling_ns = 0;  // without the time that the guest was halted
  std::uint64_t max_ns = 0;       // the longest handling
};

// All exits of a reason, of one VM.
struct GuestCode {
  std::uint16_t vm = 0;
  std::string reason;
  std::vector<RipRow> rips;   // the longest handling first
  RipRow others;              // of RIPs that there was no room for
  std::uint64_t unknown = 0;  // exits whose RIP the probes could not tell

  [[nodiscard]] std::uint64_t handling_ns() const;
};

class GuestCodeTable {
 public:
  // Over all reasons: a guest can exit anywhere.
  static constexpr std::size_t kMaxRips = 1 << 16;

  void add(std::uint16_t vm, const tracer::Exit& exit);
  [[nodiscard]] std::vector<GuestCode> take();  // the reason with the longest handling first

 private:
  struct OfReason {
    std::unordered_map<std::uint64_t, RipRow> rips;
    RipRow others;
    std::uint64_t unknown = 0;
  };
  struct OfVm {
    std::vector<OfReason*> by_kind;  // by ExitDescription::index
    std::map<std::string, OfReason> reasons;
  };

  OfReason& of(std::uint16_t vm, const tracer::ExitDescription& what);

  std::map<std::uint16_t, OfVm> vms_;
  std::size_t rips_ = 0;
};

}  // namespace trapline::analysis

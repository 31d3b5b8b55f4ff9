// Reads Perfetto's format as its viewers do, as far as our traces use it: an own reader, independent of the
// writer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace trapline::test {

struct PftraceSlice {
  std::uint64_t track = 0;
  std::string name;
  std::string category;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  int depth = 0;
  std::map<std::string, std::string> args;  // numbers as decimals, addresses as 0x..
  std::vector<std::uint64_t> flows;
  std::vector<std::uint64_t> ended_flows;
};

struct PftraceTrack {
  std::uint64_t parent = 0;
  std::string name;
  int rank = 0;
  bool children_by_rank = false;
};

struct Pftrace {
  std::map<std::uint64_t, PftraceTrack> tracks;  // by uuid
  std::vector<PftraceSlice> slices;
  std::vector<std::map<std::uint64_t, std::uint64_t>> clocks;  // of each snapshot: clock id, time
  std::uint64_t timestamp_clock = 0;
  std::vector<std::string> faults;  // what a viewer would have to guess or leave out

  [[nodiscard]] std::vector<PftraceSlice> named(std::string_view name) const;
  // "VM hvm/vCPU 0/exits"
  [[nodiscard]] std::string path(std::uint64_t track) const;
};

[[nodiscard]] Pftrace read_pftrace(std::string_view bytes);

}  // namespace trapline::test

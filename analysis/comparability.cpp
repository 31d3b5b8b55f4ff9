#include "analysis/comparability.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace trapline::analysis {
namespace {

// By how much traced times may differ before counts and totals are no longer spoken of alike.
constexpr double kAlikePercent = 5;

void say_what_is_not_whole(const DiffSide& side, std::string_view name, std::vector<std::string>& said) {
  if (side.whole.records_lost != 0)
    said.push_back(fmt::format("{} lost {} records: its counts are too low", name, side.whole.records_lost));
  if (!side.whole.cut_files.empty() || side.whole.ended.starts_with("cut off"))
    said.push_back(fmt::format("{} was cut off: its end is missing", name));
  if (side.whole.ended == recording::end_reason_name(recording::EndReason::guest_crashed))
    said.push_back(fmt::format("the guest of {} crashed", name));
}

struct Named {
  std::string_view what;
  std::string recording::RecordingInfo::*field;
};
constexpr std::array kMustBeAlike = {
    Named{"probes", &recording::RecordingInfo::mode},
    Named{"kernels", &recording::RecordingInfo::kernel_release},
    Named{"CPUs", &recording::RecordingInfo::cpu_model},
    Named{"versions of trapline", &recording::RecordingInfo::trapline_version},
};

}  // namespace

Status check_comparable(const DiffSide& a, const DiffSide& b) {
  if (a.info.time_kind == b.info.time_kind) return {};
  return fail(
      fmt::format("the recordings cannot be compared: nanoseconds of A are {}, those of B are {}",
                  recording::time_kind_name(a.info.time_kind), recording::time_kind_name(b.info.time_kind)),
      "record both on the same kind of machine: real, emulated, or emulated with counted time",
      ExitStatus::wrong_usage);
}

bool alike_in_length(const DiffSide& a, const DiffSide& b) {
  const auto longer = static_cast<double>(std::max(a.traced_ns, b.traced_ns));
  const auto shorter = static_cast<double>(std::min(a.traced_ns, b.traced_ns));
  return longer <= shorter * (1 + kAlikePercent / 100);
}

std::vector<std::string> doubts(const DiffSide& a, const DiffSide& b) {
  std::vector<std::string> said;
  say_what_is_not_whole(a, "A", said);
  say_what_is_not_whole(b, "B", said);
  if (a.info.isa != b.info.isa) {
    said.push_back(
        fmt::format("A is of {}, B of {}: exit reasons have different names, and rows of exits find no pair",
                    recording::isa_name(a.info.isa), recording::isa_name(b.info.isa)));
  }
  for (const auto& [what, field] : kMustBeAlike) {
    if (a.info.*field != b.info.*field)
      said.push_back(fmt::format("different {}: {} in A, {} in B", what, a.info.*field, b.info.*field));
  }
  if (a.vcpus != b.vcpus)
    said.push_back(fmt::format("different numbers of vCPUs: {} in A, {} in B", a.vcpus, b.vcpus));
  if (!alike_in_length(a, b)) {
    said.push_back(fmt::format(
        "traced times differ: {} ns in A, {} ns in B; counts and totals are of the whole, rates per second",
        a.traced_ns, b.traced_ns));
  }
  return said;
}

}  // namespace trapline::analysis

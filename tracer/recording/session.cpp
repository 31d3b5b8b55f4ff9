#include "tracer/recording/session.h"

#include <array>

#include "tracer/recording/info.h"

namespace trapline::recording {
namespace {

constexpr std::array<std::string_view, 3> kTimeKinds = {"real", "emulated", "counted"};
constexpr std::array<std::string_view, 3> kIsas = {"none", "svm", "vmx"};
constexpr std::array<std::string_view, 3> kApicvs = {"unknown", "off", "on"};
constexpr std::array<std::string_view, 10> kLossSources = {
    "unknown",           "exit cycles",        "KVM events", "guest stamps", "exits handled",
    "interrupts raised", "skipped probe runs", "threads",    "unattributed", "filtered"};
constexpr std::array<std::string_view, 5> kVmNamedBy = {"nothing", "command line", "libvirt", "container",
                                                        "process"};
constexpr std::array<std::string_view, 4> kEndReasons = {"unknown", "finished", "stopped", "guest crashed"};

// The row of an enum's value; values from a recording may be out of range.
template <std::size_t Rows, typename Enum>
std::string_view row(const std::array<std::string_view, Rows>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < Rows ? names[index] : "unknown";
}

template <typename Enum, std::size_t Rows>
std::optional<Enum> value(const std::array<std::string_view, Rows>& names, std::string_view name) {
  for (std::size_t i = 0; i < Rows; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view time_kind_name(TimeKind kind) {
  return row(kTimeKinds, kind);
}
std::optional<TimeKind> time_kind_of(std::string_view name) {
  return value<TimeKind>(kTimeKinds, name);
}
std::string_view isa_name(Isa isa) {
  return row(kIsas, isa);
}
std::optional<Isa> isa_of(std::string_view name) {
  return value<Isa>(kIsas, name);
}
std::string_view apicv_name(Apicv apicv) {
  return row(kApicvs, apicv);
}
std::optional<Apicv> apicv_of(std::string_view name) {
  return value<Apicv>(kApicvs, name);
}
std::string_view loss_source_name(LossSource source) {
  return row(kLossSources, source);
}
std::string_view vm_named_by(VmNamedBy by) {
  return row(kVmNamedBy, by);
}
std::string_view end_reason_name(EndReason reason) {
  return row(kEndReasons, reason);
}

}  // namespace trapline::recording

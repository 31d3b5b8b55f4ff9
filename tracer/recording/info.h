// What a recording says about itself: where, when, of what and how it was made. Written into its metadata.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trapline::recording {

// Which kind of nanoseconds the recording's times are. Counted: 1 ns = 1 instruction of an emulated machine.
enum class TimeKind : std::uint8_t { real, emulated, counted };
enum class Isa : std::uint8_t { none, svm, vmx };
// Whether KVM uses what delivers and ends interrupts without exits: APICv (VMX), AVIC (SVM).
enum class Apicv : std::uint8_t { unknown, off, on };

[[nodiscard]] std::string_view time_kind_name(TimeKind kind);
[[nodiscard]] std::optional<TimeKind> time_kind_of(std::string_view name);
[[nodiscard]] std::string_view isa_name(Isa isa);
[[nodiscard]] std::optional<Isa> isa_of(std::string_view name);
[[nodiscard]] std::string_view apicv_name(Apicv apicv);
[[nodiscard]] std::optional<Apicv> apicv_of(std::string_view name);

using Uuid = std::array<std::uint8_t, 16>;

// Strings may hold any bytes but NUL; what follows a NUL is not kept.
struct RecordingInfo {
  std::string trapline_version;
  std::string hostname;
  std::string kernel_release;
  std::string cpu_model;
  TimeKind time_kind = TimeKind::real;
  Isa isa = Isa::none;
  Apicv apicv = Apicv::unknown;
  std::uint64_t tsc_khz = 0;          // of the host; 0: not known
  std::uint64_t started_unix_ns = 0;  // wall-clock time of the start, for people; 0: not known
  std::string mode;                   // what the recorder took in: "full", "light", ...
  std::string filter;                 // exits that were left out: "reason io, vcpu 0"; empty: none were
  std::string path;                   // delivery path of `trapline run`; empty: any VM
  std::string command_line;
};

}  // namespace trapline::recording

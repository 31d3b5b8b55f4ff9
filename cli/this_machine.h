// What this machine is, as a recording remembers it.
#pragma once

#include <string>

#include "tracer/recording/info.h"

namespace trapline::cli {

// `trapline.time=emulated|counted` on the kernel's command line, which the lab sets, says what its time is
// worth. A CPU that says it is emulated by QEMU (CPUID leaf 0x40000000: "TCGTCGTCGTCG") is believed, too.
[[nodiscard]] recording::TimeKind time_kind_of_this_machine();

// `trapline.emulator=NAME-VERSION` on the kernel's command line, which the lab sets; empty without it.
[[nodiscard]] std::string emulator_of_this_machine();

// Whether the loaded kvm_intel or kvm_amd delivers and ends interrupts without exits; unknown without either.
[[nodiscard]] recording::Apicv apicv_of_this_machine();

// Host name, kernel, CPU, time; path, mode and command line are the caller's.
[[nodiscard]] recording::RecordingInfo describe_this_machine();

}  // namespace trapline::cli

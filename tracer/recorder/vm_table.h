// The tables in which the probes note each VM and vCPU that they come upon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/mapping.h"
#include "base/result.h"
#include "bpf/control.h"
#include "tracer/discover/vm_name.h"

namespace trapline::tracer {

class VmTable {
 public:
  // Of the maps `vms` and `vcpus`.
  static Result<VmTable> map(int vms_fd, int vcpus_fd);

  enum class Entry : std::uint8_t {
    filling,  // the probes have not finished it yet
    unused,   // it was one number too many
    ready,
  };
  [[nodiscard]] Entry vm_entry(std::uint32_t number) const;
  [[nodiscard]] Entry vcpu_entry(std::uint32_t number) const;

  // Of entries that are ready.
  [[nodiscard]] const trl_vm& vm(std::uint32_t number) const;
  [[nodiscard]] const trl_vcpu& vcpu(std::uint32_t number) const;
  [[nodiscard]] std::uint32_t tid_of_vcpu(std::uint32_t number) const;  // it may change
  // By what /proc tells of its process, as long as that lives.
  [[nodiscard]] VmName name_of(std::uint32_t vm_number) const;

 private:
  VmTable(Mapping vms, Mapping vcpus) : vms_(std::move(vms)), vcpus_(std::move(vcpus)) {}

  Mapping vms_;
  Mapping vcpus_;
};

}  // namespace trapline::tracer

// VMs and vCPUs that the probes have come upon, told in the recording as they are seen.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "tracer/recorder/probes_object.h"
#include "tracer/recorder/vm_table.h"
#include "tracer/recording/writer.h"

namespace trapline::tracer {

class VmRegistry {
 public:
  static Result<VmRegistry> map(const ProbesObject& object);

  // Names each new VM by what /proc tells of its process, as long as that lives.
  [[nodiscard]] Status write_new(const ProbesObject& object, recording::RecordingWriter& writer);

  [[nodiscard]] std::size_t vms_seen() const { return vms_seen_; }
  [[nodiscard]] std::size_t vcpus_seen() const { return vcpus_seen_; }

 private:
  explicit VmRegistry(VmTable table) : table_(std::move(table)) {}

  VmTable table_;
  std::uint32_t next_vm_ = 0;  // not written yet
  std::size_t vms_seen_ = 0;
  std::size_t vcpus_seen_ = 0;
  std::vector<std::uint32_t> tids_;  // by vCPU, as written
};

}  // namespace trapline::tracer

// The probes as libbpf holds them: opened for this kernel and this recording, loaded, attached.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "bpf/control.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recorder/loaded_probes.h"
#include "tracer/recorder/recorder.h"

struct probes;  // the skeleton

namespace trapline::tracer {

class ProbesObject {
 public:
  // Loads the programs that the options need and the kernel can have.
  static Result<ProbesObject> load(const RecorderOptions& options, const KernelSupport& kernel);
  // Attaches them. From here on they run; they go with the object, or with the process.
  [[nodiscard]] Status attach(const RecorderOptions& options, const KernelSupport& kernel);

  ProbesObject(ProbesObject&&) noexcept = default;
  ProbesObject& operator=(ProbesObject&&) = delete;
  ~ProbesObject() = default;

  // How KVM's functions are followed, as it turned out.
  [[nodiscard]] FollowBy followed_by() const { return followed_by_; }
  [[nodiscard]] std::uint32_t cpus() const { return cpus_; }
  [[nodiscard]] int cycles_fd() const;
  [[nodiscard]] int controls_fd() const;
  [[nodiscard]] int events_fd() const;
  [[nodiscard]] std::size_t events_bytes() const;
  [[nodiscard]] int vms_fd() const;
  [[nodiscard]] int vcpus_fd() const;

  [[nodiscard]] std::uint32_t vms_numbered() const;
  [[nodiscard]] std::uint32_t vcpus_numbered() const;
  // vCPU threads that found no place, and VMs and vCPUs that got no number, since loading.
  [[nodiscard]] std::uint64_t not_followed() const;
  [[nodiscard]] std::uint64_t recursion_misses() const { return loaded_.recursion_misses(); }
  [[nodiscard]] Status want_process(pid_t pid, bool wanted);
  // Tells of cycles that are still open.
  [[nodiscard]] Status flush_open_cycles() const;

 private:
  explicit ProbesObject(SkeletonOwner<probes> skeleton);

  SkeletonOwner<probes> skeleton_;
  LoadedProbes loaded_;  // goes before it
  std::uint32_t cpus_ = 0;
  FollowBy followed_by_ = FollowBy::nothing;
};

}  // namespace trapline::tracer

#include "cli/mode_verdict.h"

#include <fmt/format.h>

#include "cli/attached_probes.h"
#include "tracer/recorder/mode_support.h"
#include "vmm/kvm/kvm.h"

namespace trapline::cli {
namespace {

std::string overhead_text(const AttachedProbes& probes) {
  if (!probes.cost) return "overhead not measured: /dev/kvm does not open";
  return fmt::format("{:+} ns per exit ({} time)", probes.cost->per_exit_ns,
                     recording::time_kind_name(probes.info.time_kind));
}

ModeVerdict judge(const tracer::KernelSupport& kernel, tracer::ProbeMode mode) {
  ModeVerdict verdict;
  verdict.name = tracer::probe_mode_name(mode);
  verdict.own = tracer::check_mode(kernel, mode);
  verdict.root = tracer::check_mode(kernel, mode, tracer::Rights::root);
  if (!verdict.own) return verdict;
  const auto kvm = vmm::Kvm::open();
  ProbeOptions options;
  options.light = mode == tracer::ProbeMode::vmx_light;
  const auto probes = attach_probes(kvm ? &*kvm : nullptr, options);
  if (!probes) {
    verdict.own = tl::unexpected(probes.error());
    if (kernel.cap_sys_admin) verdict.root = verdict.own;
    return verdict;
  }
  const std::string_view rights = kernel.cap_sys_admin ? ""
                                  : verdict.root       ? " with your rights, and as root"
                                                       : " with your rights";
  verdict.detail =
      fmt::format("load and attach{}: {}, {}", rights, probes->info.mode, overhead_text(*probes));
  if (mode == tracer::ProbeMode::vmx_light) verdict.detail += "; the RIP of exits is not recorded";
  return verdict;
}

}  // namespace

std::vector<ModeVerdict> judge_modes(const tracer::KernelSupport& kernel) {
  std::vector<ModeVerdict> verdicts;
  for (const tracer::ProbeMode mode : tracer::modes_of(kernel.isa))
    verdicts.push_back(judge(kernel, mode));
  if (verdicts.size() == 1) {
    verdicts.push_back(verdicts.front());
    verdicts.back().name = tracer::probe_mode_name(tracer::ProbeMode::vmx_light);
    verdicts.back().detail = "the same as full: SVM has one set of probes";
  }
  return verdicts;
}

}  // namespace trapline::cli

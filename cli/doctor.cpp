// trapline doctor: what works on this machine, what does not, and the remedy.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/mode_verdict.h"
#include "cli/subcommands.h"
#include "cli/this_machine.h"
#include "tracer/clock/sample.h"
#include "tracer/recorder/kernel_support.h"
#include "vmm/kvm/kvm.h"

namespace trapline::cli {
namespace {

enum class Finding { good, note, bad };

struct Check {
  std::string name;
  Finding finding = Finding::good;
  std::string detail;
  std::string remedy;
};

std::string_view finding_name(Finding finding) {
  switch (finding) {
    case Finding::good:
      return "ok";
    case Finding::note:
      return "note";
    case Finding::bad:
      break;
  }
  return "LACKS";
}

Check from_status(std::string name, const Status& status, std::string good_detail) {
  if (status) return {std::move(name), Finding::good, std::move(good_detail), {}};
  return {std::move(name), Finding::bad, status.error().what, status.error().remedy};
}

std::string first_line_of(const std::string& path) {
  const auto text = read_text_file(path);
  return text ? text->substr(0, text->find('\n')) : std::string{};
}

Check check_kvm() {
  const auto kvm = vmm::Kvm::open();
  return from_status("KVM", kvm ? Status{} : Status(tl::unexpected(kvm.error())),
                     "/dev/kvm opens; our own VMM can run (trapline run)");
}

Check check_vendor(const tracer::KernelSupport& kernel) {
  switch (kernel.isa) {
    case recording::Isa::svm:
      return {"vendor module", Finding::good, "kvm_amd (SVM)", {}};
    case recording::Isa::vmx:
      return {"vendor module", Finding::good, "kvm_intel (VMX)", {}};
    case recording::Isa::none:
      break;
  }
  return {"vendor module", Finding::bad, "neither kvm_amd nor kvm_intel is loaded",
          "modprobe kvm_amd or kvm_intel, or use an emulated machine: ./dev lab"};
}

// Posted interrupts do not exit: where they are on, EOIs and some injections leave no trace but the guest's
// stamps.
Check check_posted_interrupts() {
  if (apicv_of_this_machine() == recording::Apicv::on) {
    return {"AVIC/APICv", Finding::note, "on: interrupts may be delivered and ended without an exit",
            "to see every injection and EOI, load the module with avic=0 or enable_apicv=0"};
  }
  return {"AVIC/APICv", Finding::good, "off: every injection and EOI is seen", {}};
}

Check check_btf(const tracer::KernelSupport& kernel) {
  if (kernel.kernel_btf && kernel.kvm_btf)
    return {"BTF", Finding::good, "of the kernel and the kvm modules", {}};
  return {"BTF", Finding::bad,
          kernel.kernel_btf ? "of the kernel, but not of the kvm modules"
                            : "/sys/kernel/btf/vmlinux cannot be read",
          kernel.isa == recording::Isa::none
              ? "load the kvm modules first"
              : "use a kernel with CONFIG_DEBUG_INFO_BTF and CONFIG_DEBUG_INFO_BTF_MODULES"};
}

Check check_tracepoints(const tracer::KernelSupport& kernel) {
  std::string missing;
  bool required = false;
  const auto probed = tracer::probed_tracepoints(kernel.best_mode());
  for (const auto& tracepoint : probed) {
    if (kernel.has_tracepoint(tracepoint.name)) continue;
    missing += fmt::format(" {}", tracepoint.name);
    required = required || tracepoint.required;
  }
  if (missing.empty()) {
    return {"tracepoints", Finding::good, fmt::format("all {}", probed.size()), {}};
  }
  if (!required)
    return {"tracepoints", Finding::note, "not here, what they tell will be missing:" + missing, {}};
  return {"tracepoints", Finding::bad, "not here:" + missing,
          "load the kvm modules; use a kernel with tracepoints"};
}

// What each set of rights gets: all of it, or the recording of what one may see.
Check check_rights(const tracer::KernelSupport& kernel) {
  if (!kernel.cap_bpf || !kernel.cap_perfmon) {
    return {"rights", Finding::bad,
            fmt::format("to load probes:{}{} missing", kernel.cap_bpf ? "" : " CAP_BPF",
                        kernel.cap_perfmon ? "" : " CAP_PERFMON"),
            "run as root (sudo), give the program the two (setcap cap_bpf,cap_perfmon=ep), or record "
            "nothing: --no-trace"};
  }
  if (kernel.cap_sys_admin) {
    return {"rights",
            Finding::good,
            "all: record gives every capability up once the probes are attached, before it reads the first "
            "record",
            {}};
  }
  return {"rights",
          Finding::note,
          fmt::format("CAP_BPF and CAP_PERFMON alone{}: the same probes; interrupts are followed by {}; "
                      "--list and --vm see {}",
                      kernel.cap_sys_ptrace ? " with CAP_SYS_PTRACE" : "",
                      kernel.follow_by() == tracer::FollowBy::fprobe
                          ? "fprobe where the kernel finds KVM's functions"
                          : "the process that raises them",
                      kernel.cap_sys_ptrace ? "everybody's VMs" : "your own VMs only"),
          {}};
}

Check check_lockdown(const tracer::KernelSupport& kernel) {
  if (kernel.lockdown == "confidentiality") {
    return {"lockdown", Finding::bad, "confidentiality: BPF may not read kernel memory",
            "boot without lockdown=confidentiality"};
  }
  return {"lockdown", Finding::good, kernel.lockdown.empty() ? "not in this kernel" : kernel.lockdown, {}};
}

Check check_clock() {
  const std::string source =
      first_line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const auto sample = tracer::take_clock_sample();
  const std::string detail =
      fmt::format("clocksource {}, TSC and clock read within +-{} ticks", source, sample.half_width_tsc);
  if (source == "tsc") return {"clock", Finding::good, detail, {}};
  return {"clock", Finding::note, detail,
          "guest stamps are dated best with clocksource tsc (kernel command line: tsc=reliable, if it is)"};
}

Check check_time_kind() {
  const auto kind = time_kind_of_this_machine();
  if (kind == recording::TimeKind::real) return {"time", Finding::good, "real", {}};
  return {"time",
          Finding::note,
          fmt::format("{}: counts and order are real, times are not", recording::time_kind_name(kind)),
          {}};
}

Check check_mode(const ModeVerdict& mode, bool another_works) {
  const std::string name = fmt::format("{} probes", mode.name);
  if (mode.own) return {name, Finding::good, mode.detail, {}};
  return {name, another_works ? Finding::note : Finding::bad,
          fmt::format("{}{}", mode.root ? "work as root only: " : "", mode.own.error().what),
          mode.own.error().remedy};
}

struct Examination {
  std::vector<Check> checks;
  std::vector<ModeVerdict> modes;
};

Examination examine() {
  const auto kernel = tracer::look_at_kernel();
  Examination found;
  found.modes = judge_modes(kernel);
  const bool any_works =
      std::ranges::any_of(found.modes, [](const ModeVerdict& mode) { return mode.own.has_value(); });
  found.checks = {check_kvm(),          check_vendor(kernel),  check_btf(kernel), check_tracepoints(kernel),
                  check_rights(kernel), check_lockdown(kernel)};
  for (const ModeVerdict& mode : found.modes)
    found.checks.push_back(check_mode(mode, any_works));
  for (Check (*check)() : {check_posted_interrupts, check_clock, check_time_kind})
    found.checks.push_back(check());
  return found;
}

void print_text(const std::vector<Check>& checks) {
  for (const Check& check : checks) {
    fmt::print("{:<14} {:<5} {}\n", check.name, finding_name(check.finding), check.detail);
    if (!check.remedy.empty()) fmt::print("{:<20} remedy: {}\n", "", check.remedy);
  }
}

nlohmann::json verdict_json(const Status& works) {
  if (works) return {{"works", true}, {"reason", nullptr}, {"remedy", nullptr}};
  return {{"works", false}, {"reason", works.error().what}, {"remedy", works.error().remedy}};
}

void print_json(const Examination& found) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Check& check : found.checks) {
    rows.push_back({{"check", check.name},
                    {"finding", finding_name(check.finding)},
                    {"detail", check.detail},
                    {"remedy", check.remedy}});
  }
  nlohmann::json modes = nlohmann::json::array();
  for (const ModeVerdict& mode : found.modes) {
    modes.push_back({{"mode", mode.name},
                     {"with_your_rights", verdict_json(mode.own)},
                     {"as_root", verdict_json(mode.root)}});
  }
  const nlohmann::json document = {{"schema", "trapline.doctor/1"}, {"checks", rows}, {"modes", modes}};
  fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

Result<ExitStatus> doctor(bool as_json) {
  const Examination found = examine();
  as_json ? print_json(found) : print_text(found.checks);
  const bool lacks = std::any_of(found.checks.begin(), found.checks.end(),
                                 [](const Check& check) { return check.finding == Finding::bad; });
  return lacks ? ExitStatus::machine_lacks : ExitStatus::done;
}

}  // namespace

Subcommand add_doctor(CLI::App& program) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* app =
      program.add_subcommand("doctor", "Say what works on this machine, what does not, and the remedy");
  app->add_flag("--json", *as_json, "As JSON (schema trapline.doctor/1)");
  return {app, [as_json] { return doctor(*as_json); }};
}

}  // namespace trapline::cli

#include "tracer/recorder/loaded_probes.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>

namespace trapline::tracer {
namespace {

// libbpf explains failures (the verifier's log above all) through this hook only; it is kept for the error
// message.
std::string& libbpf_messages() {
  static std::string text;
  return text;
}

int keep_libbpf_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (length > 0 && libbpf_messages().size() < 8192) libbpf_messages() += line;
  return length;
}

}  // namespace

void forget_libbpf_messages() {
  libbpf_messages().clear();
  libbpf_set_print(keep_libbpf_message);
}

Error libbpf_error(std::string_view action, std::string_view object, int error_number) {
  Error error = system_error(action, object, error_number);
  if (!libbpf_messages().empty()) error.what += fmt::format("\n{}", libbpf_messages());
  if (error_number == EPERM || error_number == EACCES) {
    error.status = ExitStatus::machine_lacks;
    error.remedy = "run as root (sudo); trapline doctor says which rights there are";
  }
  return error;
}

trl_selection selection_of(RecorderOptions::Scope scope) {
  switch (scope) {
    case RecorderOptions::Scope::own:
      return TRL_SELECT_OWN;
    case RecorderOptions::Scope::processes:
    case RecorderOptions::Scope::processes_and_children:
      return TRL_SELECT_PROCESSES;
    case RecorderOptions::Scope::all:
      break;
  }
  return TRL_SELECT_ALL;
}

LoadedProbes::~LoadedProbes() {
  for (bpf_link* link : links_)
    bpf_link__destroy(link);
}

bpf_program* LoadedProbes::program(std::string_view name) const {
  return bpf_object__find_program_by_name(object_, std::string(name).c_str());
}

void LoadedProbes::choose(const std::vector<ProbedTracepoint>& tracepoints,
                          const KernelSupport& kernel) const {
  for (bpf_program* each = nullptr; (each = bpf_object__next_program(object_, each)) != nullptr;)
    bpf_program__set_autoload(each, false);
  for (const ProbedTracepoint& tracepoint : tracepoints)
    bpf_program__set_autoload(program(tracepoint.program), kernel.has_tracepoint(tracepoint.name));
  for (const FollowedFunction& function : followed_functions()) {
    const bool fentry = kernel.follow_by() == FollowBy::fentry;
    if (kernel.follow_by() == FollowBy::nothing || (fentry && !kernel.has_function(function.name))) continue;
    for (const std::string_view name : {fentry ? function.fentry_begins : function.fprobe_begins,
                                        fentry ? function.fexit_ends : function.fprobe_ends}) {
      if (!name.empty()) bpf_program__set_autoload(program(name), true);
    }
  }
}

// One program on one function, by fprobe; null where it cannot be had.
bpf_link* LoadedProbes::attach_fprobe(std::string_view program_name, std::string_view function,
                                      bool at_return) const {
  const std::string name(function);
  const char* symbols[] = {name.c_str()};
  bpf_kprobe_multi_opts options{};
  options.sz = sizeof options;
  options.syms = symbols;
  options.cnt = 1;
  options.retprobe = at_return;
  return bpf_program__attach_kprobe_multi_opts(program(program_name), nullptr, &options);
}

// The end before the beginning: a return without its call does no harm.
bool LoadedProbes::follow(FollowBy by, const FollowedFunction& function) {
  const bool fentry = by == FollowBy::fentry;
  const std::string_view ends = fentry ? function.fexit_ends : function.fprobe_ends;
  const std::string_view begins = fentry ? function.fentry_begins : function.fprobe_begins;
  if (!ends.empty()) {
    bpf_link* link = fentry ? bpf_program__attach(program(ends)) : attach_fprobe(ends, function.name, true);
    if (link == nullptr) return false;
    links_.push_back(link);
  }
  bpf_link* link =
      fentry ? bpf_program__attach(program(begins)) : attach_fprobe(begins, function.name, false);
  if (link != nullptr) links_.push_back(link);
  return link != nullptr;
}

// Where one of them cannot be followed (inlined, a kernel that finds no functions of modules), a thread of a
// VM's process is taken to raise for that VM, and others' interrupts stay unattributed.
FollowBy LoadedProbes::follow_functions(const KernelSupport& kernel) {
  forget_libbpf_messages();
  const FollowBy by = kernel.follow_by();
  bool all = by != FollowBy::nothing;
  for (const FollowedFunction& function : followed_functions()) {
    if (by == FollowBy::nothing || (by == FollowBy::fentry && !kernel.has_function(function.name)) ||
        !follow(by, function))
      all = false;
  }
  return all ? by : FollowBy::nothing;
}

Status LoadedProbes::attach_one(bpf_program* program, std::string_view what) {
  bpf_link* link = bpf_program__attach(program);
  if (link == nullptr) return fail(libbpf_error("attach the probe to", what, errno));
  links_.push_back(link);
  return {};
}

Status LoadedProbes::attach(const std::vector<ProbedTracepoint>& tracepoints, const KernelSupport& kernel) {
  for (const ProbedTracepoint& tracepoint : tracepoints) {
    if (!kernel.has_tracepoint(tracepoint.name)) continue;
    TRAPLINE_TRY(attach_one(program(tracepoint.program), fmt::format("tracepoint {}", tracepoint.name)));
  }
  return {};
}

std::uint64_t LoadedProbes::recursion_misses() const {
  std::uint64_t misses = 0;
  for (bpf_program* each = nullptr; (each = bpf_object__next_program(object_, each)) != nullptr;) {
    const int fd = bpf_program__fd(each);
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) misses += info.recursion_misses;
  }
  return misses;
}

Status LoadedProbes::want_process(pid_t pid, bool wanted) const {
  const auto key = static_cast<std::uint32_t>(pid);
  const std::uint32_t one = 1;
  const int map = bpf_object__find_map_fd_by_name(object_, "processes");
  if ((wanted ? bpf_map_update_elem(map, &key, &one, BPF_ANY) : bpf_map_delete_elem(map, &key)) != 0)
    return fail(libbpf_error("select", fmt::format("process {}", pid), errno));
  return {};
}

Status LoadedProbes::run_over_slots(const bpf_program* program) const {
  for (std::uint64_t first = 0; first < TRL_SLOTS; first += TRL_SLOTS_AT_ONCE) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.ctx_in = &first;
    options.ctx_size_in = sizeof first;
    if (const int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options); error != 0)
      return fail(libbpf_error("run", "the probe that tells of open cycles", -error));
  }
  return {};
}

}  // namespace trapline::tracer

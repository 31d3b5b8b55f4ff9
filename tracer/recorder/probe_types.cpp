#include "tracer/recorder/probe_types.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <map>
#include <span>
#include <utility>

#include "base/file.h"
#include "tracer/recorder/kernel_btf.h"

namespace trapline::tracer {
namespace {

// Copies of the kernel's structs with those members only that the object names.
class Copier {
 public:
  Copier(const btf* wanted, const KernelBtf& kernel, btf* copy)
      : wanted_(wanted), kernel_(kernel), copy_(copy) {}

  // The copy of a struct or union that the object names and the kernel has; 0: there is none.
  int composite(const btf_type* wanted) {
    const std::string name = btf__name_by_offset(wanted_, wanted->name_off);
    if (name.empty()) return 0;
    if (const auto done = done_.find(name); done != done_.end()) return done->second;
    const auto found = kernel_.find(name, btf_kind(wanted));
    if (!found) return done_[name] = 0;
    std::vector<std::pair<const char*, std::pair<int, std::uint32_t>>> members;
    for (const btf_member& member : std::span(btf_members(wanted), btf_vlen(wanted))) {
      const char* field = btf__name_by_offset(wanted_, member.name_off);
      const auto place = KernelBtf::member(found->types, found->type, field);
      if (!place) continue;  // libbpf says so, if a program that is loaded needs it
      const int type = type_of(found->types, place->type, KernelBtf::plain(wanted_, member.type));
      if (type > 0) members.push_back({field, {type, place->bit_offset}});
    }
    const bool is_union = btf_is_union(wanted);
    const int id = is_union ? btf__add_union(copy_, name.c_str(), found->type->size)
                            : btf__add_struct(copy_, name.c_str(), found->type->size);
    for (const auto& [field, place] : members)
      btf__add_field(copy_, field, place.first, place.second, 0);
    return done_[name] = id;
  }

 private:
  int type_of(const btf* types, unsigned id, const btf_type* wanted) {
    const btf_type* type = KernelBtf::plain(types, id);
    if (type == nullptr || wanted == nullptr) return 0;
    if (btf_is_ptr(type)) return btf__add_ptr(copy_, 0);
    if (btf_is_composite(type)) return btf_is_composite(wanted) ? composite(wanted) : 0;
    if (btf_is_array(type) && btf_is_array(wanted)) {
      const struct btf_array* array = btf_array(type);
      const int element = type_of(types, array->type, KernelBtf::plain(wanted_, btf_array(wanted)->type));
      return btf__add_array(copy_, integer(4), element, array->nelems);
    }
    // An integer that a newer kernel made an array (regs_avail in Linux 7): its first element, little endian.
    if (btf_is_array(type) && btf_is_int(wanted)) return type_of(types, btf_array(type)->type, wanted);
    return btf_is_int(type) || btf_is_any_enum(type) ? integer(type->size) : 0;
  }

  int integer(std::uint32_t size) {
    int& id = integers_[size];
    if (id == 0) id = btf__add_int(copy_, fmt::format("u{}", 8 * size).c_str(), size, 0);
    return id;
  }

  const btf* wanted_;
  const KernelBtf& kernel_;
  btf* copy_;
  std::map<std::string, int> done_;
  std::map<std::uint32_t, int> integers_;
};

}  // namespace

Btf copy_of_types(const btf* wanted, const KernelBtf& kernel) {
  Btf copy(btf__new_empty(), btf__free);
  if (!copy) return copy;
  Copier copier(wanted, kernel, copy.get());
  for (unsigned id = 1; id < btf__type_cnt(wanted); ++id) {
    const btf_type* type = btf__type_by_id(wanted, id);
    if (btf_is_composite(type)) copier.composite(type);
  }
  return copy;
}

Result<ProbeTypes> ProbeTypes::of(const bpf_object* object, const KernelBtf* kernel) {
  const btf* wanted = bpf_object__btf(object);
  if (wanted == nullptr || kernel == nullptr || !kernel->kernel)
    return fail("the BTF of the kernel or that of the probes could not be read");
  const Btf copy = copy_of_types(wanted, *kernel);
  if (!copy) return fail(system_error("make", "a BTF", errno));
  std::uint32_t size = 0;
  const void* bytes = btf__raw_data(copy.get(), &size);
  if (bytes == nullptr) return fail(system_error("make", "a BTF", ENOMEM));
  Fd file(::memfd_create("trapline probe types", MFD_CLOEXEC));
  if (!file) return fail(system_error("create", "a file in memory", errno));
  TRAPLINE_TRY(write_all(file.get(), {static_cast<const std::byte*>(bytes), size}, "the probes' types"));
  return ProbeTypes(std::move(file));
}

std::string ProbeTypes::path() const {
  return fmt::format("/proc/self/fd/{}", file_.get());
}

}  // namespace trapline::tracer

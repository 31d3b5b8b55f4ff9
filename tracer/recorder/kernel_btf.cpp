#include "tracer/recorder/kernel_btf.h"

namespace trapline::tracer {
namespace {

// Members that newer kernels moved from a struct into a member of it.
struct Moved {
  std::string_view from;
  std::string_view into;
};
constexpr Moved kMoved[] = {
    {"vcpu_vmx", "vt"},  // Linux 6.16: struct vcpu_vt, which vcpu_vmx and vcpu_tdx share
};

// Those of a module's BTF that are not its kernel's.
template <typename Index>
void add_own_types(const btf* types, unsigned kind, Index& index) {
  const btf* base = btf__base_btf(types);
  for (unsigned id = base == nullptr ? 1 : btf__type_cnt(base); id < btf__type_cnt(types); ++id) {
    const btf_type* type = btf__type_by_id(types, id);
    if (btf_kind(type) != kind) continue;
    index.try_emplace(btf__name_by_offset(types, type->name_off), KernelBtf::Found{types, type});
  }
}

}  // namespace

KernelBtf KernelBtf::read(const char* vendor_module) {
  KernelBtf read;
  read.kernel.reset(btf__load_vmlinux_btf());
  if (!read.kernel) return read;
  read.kvm.reset(btf__load_module_btf("kvm", read.kernel.get()));
  read.vendor.reset(btf__load_module_btf(vendor_module, read.kernel.get()));
  return read;
}

std::optional<KernelBtf::Found> KernelBtf::find(std::string_view name, unsigned kind) const {
  Index& index = by_kind_[kind];
  if (index.empty()) {
    for (const btf* types : {kernel.get(), vendor.get(), kvm.get()})
      if (types != nullptr) add_own_types(types, kind, index);
  }
  const auto found = index.find(name);
  return found == index.end() ? std::nullopt : std::optional(found->second);
}

const btf_type* KernelBtf::plain(const btf* types, unsigned id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (type != nullptr && (btf_is_mod(type) || btf_is_typedef(type)))
    type = btf__type_by_id(types, type->type);
  return type == nullptr || btf_is_void(type) ? nullptr : type;
}

std::optional<KernelBtf::Member> KernelBtf::member(const btf* types, const btf_type* of,
                                                   std::string_view name) {
  const btf_member* members = btf_members(of);
  for (std::uint32_t i = 0; i < btf_vlen(of); ++i) {
    const std::uint32_t offset = btf_member_bit_offset(of, i);
    const std::string_view named = btf__name_by_offset(types, members[i].name_off);
    if (named == name) return Member{members[i].type, offset};
    if (!named.empty()) continue;
    const btf_type* inner = plain(types, members[i].type);
    if (inner == nullptr || !btf_is_composite(inner)) continue;
    if (auto found = member(types, inner, name)) return Member{found->type, offset + found->bit_offset};
  }
  const std::string_view structure = btf__name_by_offset(types, of->name_off);
  for (const Moved& moved : kMoved) {
    if (moved.from != structure || moved.into == name) continue;
    const auto container = member(types, of, moved.into);
    const btf_type* inner = container ? plain(types, container->type) : nullptr;
    if (inner == nullptr || !btf_is_composite(inner)) continue;
    if (auto found = member(types, inner, name))
      return Member{found->type, container->bit_offset + found->bit_offset};
  }
  return std::nullopt;
}

std::optional<std::int64_t> KernelBtf::enumerator(std::string_view enumeration, std::string_view name) const {
  const auto found = find(enumeration, BTF_KIND_ENUM);
  if (!found) return std::nullopt;
  const struct btf_enum* values = btf_enum(found->type);
  for (std::uint32_t i = 0; i < btf_vlen(found->type); ++i) {
    if (btf__name_by_offset(found->types, values[i].name_off) == name) return values[i].val;
  }
  return std::nullopt;
}

}  // namespace trapline::tracer

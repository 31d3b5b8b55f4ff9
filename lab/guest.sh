# guest.sh: a Linux that boots as a guest of the AMD machine's KVM, and the QEMU that runs it there: --guest. Sourced by
# lab/lab.
#
# The guest is always Debian's cloud kernel 6.12 with an initramfs whose init, guest/init, works for a while and ends the
# machine. QEMU is the one that runs the lab itself. Both are in the cache, which is part of the host's / and so visible.

readonly guest_modules='virtio_pci virtio_mmio virtio_blk virtio_net'

# ensure_guest REFRESH: exports what the command finds the guest by; machine.sh passes variables with that name on.
ensure_guest() {
    # Those of the lab's own machine are not touched: what ensure_kernel and ensure_initramfs answer is ours here.
    local kernel_dir kernel_version initramfs
    ensure_kernel kernel-6.12-guest 6.12 -cloud "$guest_modules" "$1"
    ensure_initramfs guest_tree "$lab_dir/guest/init" "$lab_dir/guest.sh"
    export TRAPLINE_GUEST_KERNEL=$kernel_dir/vmlinux
    export TRAPLINE_GUEST_INITRAMFS=$initramfs
    export TRAPLINE_GUEST_QEMU=$lab_dir/guest/qemu
    export TRAPLINE_GUEST_QEMU_ROOT=${qemu_dir:+$qemu_dir/root}
}

guest_tree() {
    mkdir "$1"/{bin,dev,proc,sys}
    install -m 755 "$lab_dir/guest/init" "$1/init"
}

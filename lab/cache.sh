# cache.sh: what the lab keeps between runs: kernels, emulators, initramfs images. Sourced by lab/lab.
#
#   $lab_cache/kernel-6.12        -> kernel-6.12.XXXXXX/  vmlinuz and the vmlinux in it, modules/NN-name.ko in load order,
#                                    version, wanted; the same for 6.1, 6.18 and newest
#   $lab_cache/kernel-6.12-cloud  -> the same for the Intel machine
#   $lab_cache/kernel-6.12-guest  -> the same for guests of the AMD machine's KVM: see guest.sh
#   $lab_cache/qemu               -> qemu.XXXXXX/         root/ (QEMU and all its libraries, unpacked), version
#   $lab_cache/emulator-KEY       -> see emulator.sh
#   $lab_cache/bochs-in-place     -> bochs-in-place.XXXXXX/  program, libraries/, plugins/, bios/, version
#   $lab_cache/initramfs-VERSION-KEY.cpio
#   $lab_cache/boot_sector-KEY
#   $lab_cache/runs/                                 one folder per running lab
#   $lab_cache/versions                              what is in the cache, one a line
#
# An entry is made in a folder of its own and becomes visible by renaming a symbolic link: half an entry is never seen.
# One lock guards making; a second lab waits for the first.

# In load order, with what they need; on 6.12 the virtio ones are built in and drop out.
readonly amd_modules='virtio_pci virtio_console 9pnet_virtio 9p overlay kvm kvm-amd'
readonly intel_modules='kvm kvm-intel'
# Before 9.1 hardware breakpoints never fire in a guest of kvm_amd, and the TSC offset read back drifts.
readonly qemu_oldest=9.1

# Answers, set by locate_cache and cache_ensure.
lab_cache=
kernel_dir=
kernel_version=
initramfs=
qemu_dir= # empty: the host's own QEMU
qemu_version=
bochs_dir=
bochs_version=
boot_sector=

locate_cache() {
    local home=${HOME:-$(cd ~ && pwd)}
    lab_cache=$(realpath -m -- "${TRAPLINE_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/trapline}")/lab
    if ! mkdir -p "$lab_cache/runs" 2>/dev/null || [[ ! -w $lab_cache ]]; then
        fail "$status_cannot_start" "cannot write to the cache folder $lab_cache: set TRAPLINE_CACHE to a folder you can write to"
    fi
}

# cache_ensure CPU LINE GUEST REFRESH: everything that a machine with that processor and kernel line needs, with GUEST=1 also
# what its guests need; REFRESH=1 fetches it anew.
cache_ensure() {
    local cpu=$1 line=$2 guest=$3 refresh=$4 lock
    exec {lock}>"$lab_cache/lock"
    if ! flock --nonblock "$lock"; then
        say "waiting for another lab that is filling the cache"
        flock "$lock"
    fi
    case $cpu in
    amd)
        ensure_kernel "kernel-$line" "$line" '' "$amd_modules" "$refresh"
        # Guests inside always run in Debian's QEMU.
        if [[ -z $emulator_dir || $guest = 1 || $refresh = 1 ]]; then
            ensure_qemu "$refresh"
        fi
        ensure_initramfs amd_tree "$lab_dir/init"
        ;;
    intel)
        ensure_kernel "kernel-$line-cloud" "$line" -cloud "$intel_modules" "$refresh"
        ensure_bochs "$refresh"
        ensure_boot_sector
        ensure_initramfs intel_tree "$lab_dir"/intel/{init,collect,courier.c}
        ;;
    esac
    if [[ $guest = 1 ]]; then
        ensure_guest "$refresh"
    fi
    write_versions
    exec {lock}>&-
}

# replace_entry NAME FOLDER: makes FOLDER the entry NAME in one step and drops the one before.
replace_entry() {
    local link=$lab_cache/$1 folder=$2 before
    before=$(readlink -e "$link" || true)
    ln -sfn "${folder##*/}" "$link.new"
    mv -T "$link.new" "$link"
    if [[ -n $before && -d $before && $before != "$folder" ]]; then
        rm -rf "$before"
    fi
}

# new_entry NAME: a fresh folder for it. Leftovers of a preparation that was killed are removed: the lock is ours.
new_entry() {
    local name=$1 folder current
    current=$(readlink -e "$lab_cache/$name" || true)
    for folder in "$lab_cache/$name".??????; do
        if [[ -d $folder && $folder != "$current" ]]; then
            rm -rf "$folder"
        fi
    done
    mktemp -d "$lab_cache/$name.XXXXXX"
}

version_at_least() { # VERSION OLDEST
    [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) = "$2" ]]
}

ensure_qemu() {
    local refresh=$1 host_version=
    if command -v qemu-system-x86_64 >/dev/null; then
        host_version=$(qemu-system-x86_64 --version | awk 'NR == 1 { print $4 }')
        if version_at_least "$host_version" $qemu_oldest; then
            qemu_dir=
            qemu_version=$host_version
            return
        fi
    fi
    if [[ $refresh = 1 || ! -e $lab_cache/qemu/version ]]; then
        say "fetching QEMU of Debian trixie (about 40 MB, once)${host_version:+: the QEMU $host_version of this host is older than $qemu_oldest}"
        local folder
        folder=$(new_entry qemu)
        fetch_qemu "$folder"
        replace_entry qemu "$folder"
    fi
    qemu_dir=$(readlink -f "$lab_cache/qemu")
    qemu_version=$(<"$qemu_dir/version")
}

fetch_qemu() {
    local dir=$1 root=$1/apt
    debian_open "$root" trixie
    debian_unpack_closure "$root" "$dir/root" qemu-system-x86 seabios
    rm -rf "$root" "$dir"/root/usr/share/{doc,man,locale,info}
    qemu_dir=$dir
    qemu_program
    "${qemu[@]}" --version | awk 'NR == 1 { print $4 }' >"$dir/version"
    [[ -s $dir/version ]] || fail "$status_cannot_start" "QEMU from Debian trixie does not run here: ${qemu[*]} --version"
}

# qemu_program: sets the array qemu to the words that start QEMU. One from the cache runs in place, through its own
# loader with its own libraries: this host's may be older.
qemu_program() {
    if [[ -z $qemu_dir ]]; then
        qemu=(qemu-system-x86_64)
        return
    fi
    local root=$qemu_dir/root libraries=$qemu_dir/root/usr/lib/x86_64-linux-gnu
    qemu=(env "QEMU_MODULE_DIR=$libraries/qemu"
        "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries"
        "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios")
}

# Bochs 3.0 needs Debian 13's libraries, so it runs in place as QEMU does. With all that its packages depend on it is
# 200 MB; only what it loads is kept.
ensure_bochs() {
    local refresh=$1 folder
    if [[ $refresh = 1 || ! -e $lab_cache/bochs-in-place/version ]]; then
        say "fetching Bochs of Debian trixie (about 70 MB, once)"
        folder=$(new_entry bochs-in-place)
        fetch_bochs "$folder"
        replace_entry bochs-in-place "$folder"
    fi
    bochs_dir=$(readlink -f "$lab_cache/bochs-in-place")
    bochs_version=$(<"$bochs_dir/version")
}

fetch_bochs() {
    local dir=$1 root=$1/apt unpacked=$1/unpacked libraries file version
    debian_open "$root" trixie
    debian_unpack_closure "$root" "$unpacked" bochs bochsbios vgabios
    libraries=$unpacked/usr/lib/x86_64-linux-gnu
    mkdir "$dir/libraries"
    cp "$unpacked/usr/bin/bochs-bin" "$dir/program"
    cp -r "$libraries/bochs/plugins" "$dir/plugins"
    cp -rL "$unpacked/usr/share/bochs" "$dir/bios"
    cp "$unpacked/usr/lib64/ld-linux-x86-64.so.2" "$dir/libraries/"
    for file in "$dir/program" "$dir"/plugins/*.so; do
        "$dir/libraries/ld-linux-x86-64.so.2" --library-path "$libraries:$libraries/pulseaudio" --list "$file" 2>/dev/null
    done | awk -v in_place="$libraries/" 'index($3, in_place) == 1 && !seen[$3]++ { print $3 }' | xargs -r cp -L -t "$dir/libraries"
    version=$(dpkg-deb --field "$root"/var/cache/apt/archives/bochs_*.deb Version)
    bochs_dir=$dir
    bochs_program
    [[ $("${bochs[@]}" --help 2>&1) = *'Usage: bochs'* ]] ||
        fail "$status_cannot_start" "Bochs from Debian trixie does not run here: ${bochs[*]} --help"
    rm -rf "$root" "$unpacked"
    echo "${version%%[+-]*}" >"$dir/version"
}

# bochs_program: sets the array bochs to the words that start it.
bochs_program() {
    bochs=(env "LTDL_LIBRARY_PATH=$bochs_dir/plugins" "BXSHARE=$bochs_dir/bios"
        "$bochs_dir/libraries/ld-linux-x86-64.so.2" --library-path "$bochs_dir/libraries" "$bochs_dir/program")
}

# What the Intel machine's disk begins with, and the one program of ours inside, are built when they change.
ensure_boot_sector() {
    local source=$lab_dir/intel/boot_sector.S
    boot_sector=$lab_cache/boot_sector-$(sha256sum <"$source" | cut -c 1-16)
    if [[ ! -e $boot_sector ]]; then
        as --32 -o "$boot_sector.o" "$source"
        ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o "$boot_sector.new" "$boot_sector.o"
        rm "$boot_sector.o"
        mv "$boot_sector.new" "$boot_sector"
    fi
}

# ensure_initramfs TREE SOURCE...: a static busybox, the modules and what the function TREE adds of the sources. Its name
# holds a hash of what it is made of.
ensure_initramfs() {
    local busybox key tree module fill=$1
    shift
    busybox=$(command -v busybox) ||
        fail "$status_cannot_start" "busybox is missing: install busybox-static (./dev setup)"
    if ldd "$busybox" >/dev/null 2>&1; then
        fail "$status_cannot_start" "$busybox is not static: install busybox-static (./dev setup)"
    fi
    key=$(cat "$@" "$lab_dir/cache.sh" "$busybox" "$kernel_dir"/modules/*.ko | sha256sum | cut -c 1-16)
    initramfs=$lab_cache/initramfs-$kernel_version-$key.cpio
    if [[ -e $initramfs ]]; then
        touch "$initramfs"
        return
    fi
    tree=$(mktemp -d "$lab_cache/initramfs.XXXXXX")
    "$fill" "$tree"
    cp "$busybox" "$tree/bin/busybox"
    mkdir "$tree/modules"
    for module in "$kernel_dir"/modules/*.ko; do
        without_signature "$module" >"$tree/modules/${module##*/}"
    done
    pack_tree "$tree" "$initramfs.new"
    rm -rf "$tree"
    mv "$initramfs.new" "$initramfs"
    # Another checkout with another init may share this cache: only what nobody used for a week goes.
    find "$lab_cache" -maxdepth 1 -name 'initramfs-*.cpio' -mtime +7 -delete
}

# pack_tree FOLDER ARCHIVE: neither times nor the order of a folder's entries are in it, so that two machines are alike.
pack_tree() {
    find "$1" -exec touch --no-dereference --date=@0 {} +
    (cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --create --null --format newc --owner 0:0 --reproducible --quiet) >"$2"
}

amd_tree() {
    mkdir "$1"/{bin,dev,proc,sys,lower,layer,root,share}
    install -m 755 "$lab_dir/init" "$1/init"
}

# Laid out as on the host, whose programs and libraries come in at their own paths: /bin and /lib are links into /usr.
intel_tree() {
    local name
    mkdir -p "$1"/{dev,etc,lab,proc,root,run,sys,tmp,usr/{bin,sbin,lib,lib64},var/tmp}
    chmod 1777 "$1/tmp" "$1/var/tmp"
    for name in bin sbin lib lib64; do
        ln -s "usr/$name" "$1/$name"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
    install -m 755 "$lab_dir/intel/init" "$1/init"
    install -m 755 "$lab_dir/intel/collect" "$1/lab/collect"
    gcc -std=gnu17 -Os -static -s -o "$1/lab/courier" "$lab_dir/intel/courier.c"
}

# Checking the signatures is a fifth of all instructions of a boot. The kernel takes unsigned modules and notes a taint.
# The end of a signed module (linux/module_signature.h): the signature, 12 bytes whose last 4 are the signature's length
# in big endian, and a line of 28 bytes.
without_signature() {
    local length
    if [[ $(tail -c 28 "$1") != '~Module signature appended~' ]]; then
        cat "$1"
        return
    fi
    length=$((16#$(tail -c 32 "$1" | head -c 4 | od -An -tx1 | tr -d ' ')))
    head -c "-$((length + 12 + 28))" "$1"
}

write_versions() {
    local entry
    {
        # By the links: the folders that they lead to would be listed once more.
        for entry in "$lab_cache"/kernel-*/version; do
            [[ ! -L ${entry%/version} ]] || echo "Linux $(<"$entry")"
        done
        [[ ! -e $lab_cache/qemu/version ]] || echo "QEMU $(<"$lab_cache/qemu/version")"
        for entry in "$lab_cache"/emulator-*/source; do
            [[ ! -L ${entry%/source} ]] || echo "QEMU built with changes, from $(<"$entry")"
        done
        [[ ! -e $lab_cache/bochs-in-place/version ]] || echo "Bochs $(<"$lab_cache/bochs-in-place/version")"
    } >"$lab_cache/versions.new"
    mv "$lab_cache/versions.new" "$lab_cache/versions"
}

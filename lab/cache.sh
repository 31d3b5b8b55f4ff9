# cache.sh: what the lab keeps between runs: kernels, QEMU, initramfs images. Sourced by lab/lab.
#
#   $lab_cache/kernel-6.12  -> kernel-6.12.XXXXXX/   vmlinuz, modules/NN-name.ko in load order, version, wanted
#   $lab_cache/kernel-cloud-6.12 -> ...              the same for the Intel machine, of Debian's flavour for clouds
#   $lab_cache/bochs        -> bochs.XXXXXX/         root/ (Bochs and all its libraries, unpacked), version
#   $lab_cache/qemu         -> qemu.XXXXXX/          root/ (QEMU and all its libraries, unpacked), version
#   $lab_cache/initramfs-VERSION-KEY.cpio
#   $lab_cache/runs/                                 one folder per running lab
#   $lab_cache/versions                              what is in the cache, one a line
#
# An entry is made in a folder of its own and becomes visible by renaming a symbolic link: half an entry is never seen.
# One lock guards making; a second lab waits for the first.

readonly valid_kernels='6.1 6.12'
# Before 9.1 hardware breakpoints never fire in a guest of kvm_amd, and the TSC offset read back drifts.
readonly qemu_oldest=9.1

# What the processor decides, set by cache_for.
kernel_flavour= # empty, or what Debian's package of the kernel is called more
wanted_modules= # in load order, with what they need; on 6.12 the virtio ones are built in and drop out
vendor_module=
emulator= # qemu, bochs

# Answers, set by locate_cache and cache_ensure.
lab_cache=
kernel_dir=
kernel_version=
initramfs=
qemu_dir= # empty: the host's own QEMU
qemu_version=
bochs_dir=
bochs_version=

# cache_for CPU: amd or intel.
cache_for() {
    case $1 in
    amd)
        vendor_module=kvm-amd emulator=qemu
        wanted_modules='virtio_pci virtio_console 9pnet_virtio 9p overlay kvm kvm-amd'
        ;;
    intel) # a smaller kernel boots faster
        vendor_module=kvm-intel emulator=bochs kernel_flavour=cloud
        wanted_modules='kvm kvm-intel'
        ;;
    esac
}

locate_cache() {
    local home=${HOME:-$(cd ~ && pwd)}
    lab_cache=$(realpath -m -- "${TRAPLINE_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/trapline}")/lab
    if ! mkdir -p "$lab_cache/runs" 2>/dev/null || [[ ! -w $lab_cache ]]; then
        fail $status_cannot_start "cannot write to the cache folder $lab_cache: set TRAPLINE_CACHE to a folder you can write to"
    fi
}

# cache_ensure LINE REFRESH: everything that a machine with that kernel line needs; REFRESH=1 fetches it anew.
cache_ensure() {
    local line=$1 refresh=$2 lock
    exec {lock}>"$lab_cache/lock"
    if ! flock --nonblock "$lock"; then
        say "waiting for another lab that is filling the cache"
        flock "$lock"
    fi
    ensure_kernel "$line" "$refresh"
    case $emulator in
    qemu)
        ensure_qemu "$refresh"
        ensure_initramfs
        ;;
    bochs) ensure_bochs "$refresh" ;;
    esac
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

ensure_kernel() {
    local line=$1 refresh=$2 entry=kernel${kernel_flavour:+-$kernel_flavour}-$1
    if [[ $refresh = 1 || $(cat "$lab_cache/$entry/wanted" 2>/dev/null) != "$wanted_modules" ]]; then
        say "fetching Debian's Linux $line (about 100 MB, once)"
        local folder
        folder=$(new_entry "$entry")
        fetch_kernel "$line" "$folder"
        replace_entry "$entry" "$folder"
    fi
    kernel_dir=$(readlink -f "$lab_cache/$entry")
    kernel_version=$(<"$kernel_dir/version")
}

fetch_kernel() {
    local line=$1 dir=$2 root=$2/apt metapackage package version file
    metapackage=linux-image-$line${kernel_flavour:+-$kernel_flavour}-amd64
    metapackage=${metapackage/-6.1-/-} # the one that Debian 12 came with
    debian_open "$root" bookworm
    package=$(debian_depends "$root" "$metapackage")
    version=${package#linux-image-}
    [[ $version = "$line".* ]] ||
        fail $status_cannot_start "$metapackage of Debian bookworm is now Linux $version, not $line: lab/cache.sh needs another package name"
    file=$(debian_fetch "$root" "$package")
    dpkg-deb -x "$file" "$dir/unpacked"
    # Modules are in /lib or /usr/lib by kernel version, and kmod looks in either by its own: make both names work.
    mkdir -p "$dir/unpacked/usr/lib" "$dir/unpacked/lib"
    if [[ -d $dir/unpacked/usr/lib/modules ]]; then
        ln -s ../usr/lib/modules "$dir/unpacked/lib/modules"
    else
        ln -s ../../lib/modules "$dir/unpacked/usr/lib/modules"
    fi
    depmod -b "$dir/unpacked" "$version"
    extract_modules "$dir" "$version"
    cp "$dir/unpacked/boot/vmlinuz-$version" "$dir/vmlinuz"
    rm -rf "$dir/unpacked" "$root"
    echo "$version" >"$dir/version"
    echo "$wanted_modules" >"$dir/wanted"
}

# Uncompressed: the machine's processor is the slow part, not its memory.
extract_modules() {
    local dir=$1 version=$2 module name number=10
    mkdir "$dir/modules"
    while read -r module; do
        number=$((number + 1))
        name=${module##*/}
        name=$dir/modules/$number-${name%%.ko*}.ko
        case $module in
        *.xz) xz -dc "$module" >"$name" ;;
        *.zst) zstd -dqc "$module" >"$name" ;;
        *) cp "$module" "$name" ;;
        esac
    done < <(modules_to_load "$dir/unpacked" "$version")
    [[ -n $(find "$dir/modules" -name "*$vendor_module.ko") ]] ||
        fail $status_cannot_start "no $vendor_module module in Debian's Linux $version: lab/cache.sh looks in the wrong place"
}

modules_to_load() {
    # shellcheck disable=SC2086 # a list of words
    modprobe --dirname "$1" --set-version "$2" --show-depends --all $wanted_modules |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
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
    [[ -s $dir/version ]] || fail $status_cannot_start "QEMU from Debian trixie does not run here: ${qemu[*]} --version"
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

ensure_bochs() {
    local refresh=$1
    if [[ $refresh = 1 || ! -e $lab_cache/bochs/version ]]; then
        say "fetching Bochs of Debian trixie (about 60 MB, once)"
        local folder
        folder=$(new_entry bochs)
        fetch_bochs "$folder"
        replace_entry bochs "$folder"
    fi
    bochs_dir=$(readlink -f "$lab_cache/bochs")
    bochs_version=$(<"$bochs_dir/version")
}

# Debian 12's 2.7 works, too, and takes half as long again.
fetch_bochs() {
    local dir=$1 root=$1/apt
    debian_open "$root" trixie
    debian_unpack_closure "$root" "$dir/root" bochs bochs-term bochsbios vgabios
    basename -- "$root"/var/cache/apt/archives/bochs_*.deb | cut -d _ -f 2 | cut -d + -f 1 >"$dir/version"
    rm -rf "$root" "$dir"/root/usr/share/{doc,man,locale,info}
}

static_busybox() {
    local busybox
    busybox=$(command -v busybox) ||
        fail $status_cannot_start "busybox is missing: install busybox-static (./dev setup)"
    if ldd "$busybox" >/dev/null 2>&1; then
        fail $status_cannot_start "$busybox is not static: install busybox-static (./dev setup)"
    fi
    echo "$busybox"
}

# The initramfs of the AMD machine: a static busybox, the modules, our init. Its name holds a hash of what it is made of.
ensure_initramfs() {
    local busybox key tree module
    busybox=$(static_busybox)
    key=$(cat "$lab_dir/init" "$lab_dir/cache.sh" "$busybox" "$kernel_dir"/modules/*.ko | sha256sum | cut -c 1-16)
    initramfs=$lab_cache/initramfs-$kernel_version-$key.cpio
    if [[ -e $initramfs ]]; then
        touch "$initramfs"
        return
    fi
    tree=$(mktemp -d "$lab_cache/initramfs.XXXXXX")
    mkdir "$tree"/{bin,dev,proc,sys,modules,lower,layer,root,share}
    cp "$busybox" "$tree/bin/busybox"
    for module in "$kernel_dir"/modules/*.ko; do
        without_signature "$module" >"$tree/modules/${module##*/}"
    done
    install -m 755 "$lab_dir/init" "$tree/init"
    (cd "$tree" && find . | cpio --create --format newc --owner 0:0 --quiet) >"$initramfs.new"
    rm -rf "$tree"
    mv "$initramfs.new" "$initramfs"
    # Another checkout with another init may share this cache: only what nobody used for a week goes.
    find "$lab_cache" -maxdepth 1 -name 'initramfs-*.cpio' -mtime +7 -delete
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
    local line
    {
        for line in $valid_kernels; do
            for line in "kernel-$line" "kernel-cloud-$line"; do
                if [[ -e $lab_cache/$line ]]; then
                    echo "Linux $(<"$lab_cache/$line/version")"
                fi
            done
        done
        if [[ -e $lab_cache/bochs ]]; then
            echo "Bochs $(<"$lab_cache/bochs/version")"
        fi
        if [[ -e $lab_cache/qemu ]]; then
            echo "QEMU $(<"$lab_cache/qemu/version")"
        elif [[ -n $qemu_version ]]; then
            echo "QEMU $qemu_version (of this host)"
        fi
    } >"$lab_cache/versions.new"
    mv "$lab_cache/versions.new" "$lab_cache/versions"
}

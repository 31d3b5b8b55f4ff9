# debian.sh: fetches packages from Debian's archive into a folder. Sourced by lab/lab.
#
# It uses a private apt root (own sources, own lists, an empty dpkg status), so the host's package state is neither read
# nor changed, no root is needed, and a host that is not Debian works the same. Signatures are checked against Debian's
# own keyring (package debian-archive-keyring).

readonly debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The apt sources of a suite, one a line.
debian_sources() {
    local options="[arch=amd64 signed-by=$debian_keyring]"
    case $1 in
    bookworm)
        # The 6.12 kernels for Debian 12, and the newest 6.1 ones, come through the security archive.
        echo "deb $options $debian_mirror bookworm main"
        echo "deb $options $debian_security_mirror bookworm-security main"
        ;;
    trixie-source)
        echo "deb $options $debian_mirror trixie main"
        echo "deb-src $options $debian_mirror trixie main"
        ;;
    *) echo "deb $options $debian_mirror $1 main" ;;
    esac
}

# What the host's administrator decided about reaching archives (proxies, clocks that are off) holds here too.
host_acquire_settings() {
    apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Check-Date|Retries|ForceIPv)' || true
}

# debian_open ROOT SUITE: lays out a private apt root and fetches the suite's package lists.
debian_open() {
    local root=$1 suite=$2
    [[ -r $debian_keyring ]] ||
        fail "$status_cannot_start" "Debian's keyring $debian_keyring is missing: install debian-archive-keyring (./dev setup)"
    find_mirrors
    mkdir -p "$root"/etc/apt/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} \
        "$root"/var/lib/apt/lists/partial "$root"/var/cache/apt/archives/partial "$root"/var/lib/dpkg
    : >"$root/var/lib/dpkg/status"
    debian_sources "$suite" >"$root/etc/apt/sources.list"
    {
        host_acquire_settings
        cat <<CONFIG
Dir "$root";
Dir::State::status "$root/var/lib/dpkg/status";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::http::Timeout "30";
Acquire::Retries "2";
CONFIG
    } >"$root/apt.conf"
    # Without error-on=any a list that cannot be fetched is only a warning.
    debian_apt "$root" apt-get update --error-on=any || debian_fail "$root" "the package lists of Debian $suite"
}

# debian_apt ROOT COMMAND ARGS...: an apt command on that root; what it says is kept for debian_fail.
debian_apt() {
    local root=$1
    shift
    APT_CONFIG="$root/apt.conf" DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" 2>"$root/apt.err" >"$root/apt.out"
}

debian_fail() {
    local root=$1 what=$2
    sed -n 's/^[EW]: /lab:   apt: /p' "$root/apt.err" | tail -5 >&2
    fail "$status_cannot_start" "cannot download $what from $debian_mirror (from $debian_mirror_from)." \
        "The network is needed once, to fill the cache; another mirror: TRAPLINE_DEBIAN_MIRROR and" \
        "TRAPLINE_DEBIAN_SECURITY_MIRROR (see lab/README.md)"
}

# debian_names ROOT PREFIX: the names of the packages that begin with it, one a line.
debian_names() {
    local root=$1 prefix=$2
    debian_apt "$root" apt-cache pkgnames "$prefix" || debian_fail "$root" "the package names $prefix*"
    cat "$root/apt.out"
}

# debian_fetch ROOT PACKAGE: the package alone; prints the path of its file.
debian_fetch() {
    local root=$1 package=$2 file
    (cd "$root" && debian_apt "$root" apt-get download "$package") || debian_fail "$root" "package $package"
    for file in "$root/$package"_*.deb; do
        printf '%s\n' "$file"
    done
}

# debian_unpack_closure ROOT DIR PACKAGE...: the packages and everything they depend on, unpacked into DIR.
debian_unpack_closure() {
    local root=$1 dir=$2 file
    shift 2
    debian_apt "$root" apt-get install --yes --download-only "$@" || debian_fail "$root" "packages $*"
    for file in "$root"/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$file" "$dir"
    done
}

# debian_unpack ROOT DIR PACKAGE...: the packages alone, unpacked into DIR.
debian_unpack() {
    local root=$1 dir=$2 package file
    shift 2
    for package in "$@"; do
        file=$(debian_fetch "$root" "$package")
        dpkg-deb -x "$file" "$dir"
        rm "$file"
    done
}

# debian_source_version ROOT PACKAGE: the highest version of a source package.
debian_source_version() {
    local root=$1 package=$2
    debian_apt "$root" apt-cache showsrc --only-source "$package" || debian_fail "$root" "the source package $package"
    awk '$1 == "Version:" { print $2 }' "$root/apt.out" | sort -V | tail -n 1
}

# debian_source ROOT PACKAGE DIR: the source package, with Debian's own patches, in DIR.
debian_source() {
    local root=$1 package=$2 dir=$3
    mkdir "$root/source"
    (cd "$root/source" && debian_apt "$root" apt-get source --only-source --download-only "$package") ||
        debian_fail "$root" "the source package $package"
    dpkg-source --no-check --extract "$root"/source/*.dsc "$dir" >/dev/null
}

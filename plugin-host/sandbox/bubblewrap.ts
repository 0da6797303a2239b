/**
 * Linux: namespaces made by bubblewrap. A first user namespace, in which only the start of a child runs, owns the network namespace and
 * gives what takes a capability: routes, low ports, `noexec`, a bound on tasks that counts for this child alone. Inside it bubblewrap makes
 * the second one, in which nothing has any.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Confine, Confinement } from "./confinement.ts";
import { type Bind, bindsOf, inside, masksOf } from "./layout.ts";
import type { Libraries } from "./libraries.ts";
import { bunOptions, dataBytes, environmentOf, tasksOf } from "./limits.ts";
import { filterOf, type Machine } from "./seccomp.ts";

/** The programs that start a child, absolute. */
export interface Tools {
  readonly sh: string;
  readonly bwrap: string;
  readonly unshare: string;
  readonly mount: string;
  readonly ip: string;
}

const DEVICES = ["null", "urandom"];
const TMP = "size=64m,nr_inodes=16k,mode=0700";
const NO_EXEC = "noexec,nosuid,nodev";
/** What the kernel tells its owner alone, which a gateway that runs as root is. */
const OWNERS = ["kpagecgroup", "kpagecount", "kpageflags", "key-users", "keys", "pagetypeinfo", "slabinfo", "timer_list", "vmallocinfo"];
const CERTIFICATES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/** In /etc. Names that a confined program may look up are answered by the bridge that runs beside it, on the namespace's own loopback. */
const NAMES = {
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
  "nsswitch.conf": "hosts: files dns\n",
  "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n",
};
/** They are copied from these descriptors of the script: every mount costs a start more. */
const NAMES_FROM = { hosts: "4", "nsswitch.conf": "5", "resolv.conf": "6" };

/**
 * Runs with capabilities in the first namespace, and ends as bubblewrap. `$1` is the folder of what was prepared, the rest the command.
 * Every address is this machine's own there, so that a literal one reaches the bridge too. Shells differ in how they call a limit of tasks.
 */
const script = ({ mount, ip, bwrap }: Tools, { limits, net }: Confinement, boundsTasks: boolean): string =>
  [
    "set -e",
    "folder=$1",
    "shift",
    // Whatever a shell exports by itself can be read in the environment of the first process.
    "cd /",
    "unset PWD OLDPWD SHLVL",
    `${mount} -a -T "$folder/fstab" &`,
    ...(net.length > 0 ? [`${ip} -batch "$folder/routes"`, "echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"] : []),
    // The first to go when memory runs out; and what is counted for each user, the gateway among them, is not used up here.
    "echo 500 >/proc/self/oom_score_adj",
    "echo 16 >/proc/sys/user/max_inotify_instances",
    "echo 8192 >/proc/sys/user/max_inotify_watches",
    'wait "$!"',
    "ulimit -c 0",
    `ulimit -n ${limits.openFiles}`,
    `ulimit -d ${Math.ceil(dataBytes(limits) / 1024)}`,
    ...(boundsTasks ? [`ulimit -u ${tasksOf(limits)} 2>/dev/null || ulimit -p ${tasksOf(limits)}`] : []),
    // A gateway that died meanwhile would not be noticed by bubblewrap, which asks to die with it only from here on.
    'read -r _ _ _ parent _ <"/proc/$$/stat"',
    `[ "$parent" = ${process.pid} ] || { echo "the gateway that started this is gone" >&2; exit 1; }`,
    `exec ${bwrap} --args 8 -- "$@" 4<"$folder/hosts" 5<"$folder/nsswitch.conf" 6<"$folder/resolv.conf" 8<"$folder/args" 9<"$folder/filter"`,
  ].join("\n");

const escaped = (path: string) => path.replace(/[\\ \t\r\n#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);

/** Before Linux 5.14 the tasks of a user are counted for the whole machine, and the bound would be reached by what others run. */
const countsByNamespace = (): boolean => Bun.semver.satisfies(/^\d+\.\d+(\.\d+)?/.exec(release())?.[0] ?? "0.0.0", ">=5.14.0");

interface BubblewrapOptions {
  readonly tools: Tools;
  readonly machine: Machine;
  readonly libraries: Libraries;
  /** Whether this bubblewrap can forbid further user namespaces; the filter of system calls refuses them as well. */
  readonly disablesNamespaces: boolean;
}

export function confineByBubblewrap({ tools, machine, libraries, disablesNamespaces }: BubblewrapOptions): Confine {
  const isRoot = process.getuid?.() === 0;
  const ownersFiles = isRoot ? OWNERS.map((name) => `/proc/${name}`).filter(existsSync) : [];
  const certificates = CERTIFICATES.filter(existsSync);
  const boundsTasks = countsByNamespace();
  const hasIpv6 = existsSync("/proc/net/if_inet6");

  return async (what) => {
    const folder = what.run;
    const binds = await bindsOf(what, libraries);
    const masks = masksOf(what, binds);
    const hasNet = what.net.length > 0;
    for (const name of ["nothing", "tmp"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });

    const fstab = [`tmpfs ${escaped(join(folder, "tmp"))} tmpfs ${NO_EXEC},${TMP} 0 0`];
    // A device is written through a mount that can only be read; what cannot be done through one is to change its mode, as its owner could.
    for (const name of DEVICES) fstab.push(`/dev/${name} ${escaped(join(folder, name))} none bind,ro,noexec,nosuid 0 0`);
    /** Through a mount of its own, from which nothing can be executed. */
    const staged = ({ from, at, access }: Bind, index: number): readonly string[] => {
      if (access === "execute" || access === "connect" || /^\/pincer\/(entry|code)/.test(at)) return ["--ro-bind", from, at];
      const stage = join(folder, String(index));
      if (statSync(from).isDirectory()) mkdirSync(stage, { recursive: true });
      else writeFileSync(stage, "");
      fstab.push(`${escaped(from)} ${escaped(stage)} none rbind,${NO_EXEC} 0 0`);
      return [access === "write" ? "--bind" : "--ro-bind", stage, at];
    };
    const bound = binds.map((bind, index) => ({ at: bind.at, args: staged(bind, index) }));
    const masked = masks.map((at) => ({ at, args: ["--perms", "0555", "--size", "65536", "--tmpfs", at] }));
    const depth = ({ at }: { readonly at: string }) => at.split("/").length;
    const args = [
      ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"],
      ...(hasNet ? [] : ["--unshare-net"]),
      ...(disablesNamespaces ? ["--disable-userns"] : []),
      ...["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "plugin"],
      "--clearenv",
      ...Object.entries(environmentOf(what, "/tmp")).flatMap(([name, value]) => ["--setenv", name, value]),
      ...["--proc", "/proc"],
      ...["--ro-bind", join(folder, "nothing"), "/proc/sys"],
      ...ownersFiles.flatMap((path) => ["--ro-bind", "/dev/null", path]),
      ...["--remount-ro", "/proc"],
      ...DEVICES.flatMap((name) => ["--dev-bind", join(folder, name), `/dev/${name}`]),
      ...["--symlink", "urandom", "/dev/random", "--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/tmp", "/dev/shm"],
      ...["--bind", join(folder, "tmp"), "/tmp"],
      ...Object.entries(NAMES_FROM).flatMap(([name, descriptor]) => ["--perms", "0444", "--file", descriptor, `/etc/${name}`]),
      ...(hasNet ? certificates.flatMap((path) => ["--ro-bind", path, path]) : []),
      // A mask hides what lies at its place, and what is deeper comes after it.
      ...[...bound, ...masked].sort((a, b) => depth(a) - depth(b)).flatMap((mount) => mount.args),
      ...[...masks, "/"].flatMap((path) => ["--remount-ro", path]),
      ...["--chdir", "/", "--seccomp", "9"],
    ];
    const routes = ["link set lo up", "route add local 0.0.0.0/0 dev lo", ...(hasIpv6 ? ["route add local ::/0 dev lo"] : [])];
    const files: Readonly<Record<string, string | Uint8Array>> = {
      ...NAMES,
      ...Object.fromEntries(DEVICES.map((name) => [name, ""])),
      args: args.map((word) => `${word}\0`).join(""),
      filter: filterOf(machine, what.sockets.length > 0),
      fstab: `${fstab.join("\n")}\n`,
      routes: `${routes.join("\n")}\n`,
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 });
    return {
      command: [
        ...[tools.unshare, "--user", "--map-root-user", "--mount", ...(hasNet ? ["--net"] : []), "--"],
        ...[tools.sh, "-c", script(tools, what, boundsTasks), "sh", folder],
        ...[inside.bun, ...bunOptions, inside.entry(what.entry)],
      ],
      env: {},
      code: inside.code,
      data: inside.data,
    };
  };
}

/*
 * Preloaded into xenstored, this stands for the hypervisor: the daemon then serves its socket on any Linux machine.
 *
 * Limits of the process are left as they are, since raising them needs privileges. Every domain exists, the control domain's ring is a page that nobody uses, and event channels never fire by themselves. Guests can
 * talk to the daemon all the same: the ring page of domain N is the file "ring-N" in the folder $XENSTORE_SHIM_FOLDER,
 * and a byte written to the FIFO "events" there makes the daemon look at its rings.
 *
 *     cc -shared -fPIC -o shim.so shim.c -ldl
 *     LD_PRELOAD=./shim.so XENSTORE_SHIM_FOLDER=. XENSTORED_RUNDIR=. xenstored -N
 *
 * oxenstored works too, with --no-fork --no-domain-init; its socket is always /run/xenstored/socket.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xengnttab.h>
#include <xenevtchn.h>

#define PAGE 4096
/* The daemon takes this port for news of domains, so no other event may have it. */
#define DOMAIN_PORT 1
#define RING_PORT 2

static int handle;

/* A test that dies must not leave the daemon behind. */
__attribute__((constructor)) static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static const char *in_folder(char *path, size_t size, const char *name)
{
	const char *folder = getenv("XENSTORE_SHIM_FOLDER");

	snprintf(path, size, "%s/%s", folder ? folder : ".", name);
	return path;
}

/* The C library */

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return 0;
}

/* libxenctrl */

xc_interface *xc_interface_open(xentoollog_logger *a, xentoollog_logger *b, unsigned flags)
{
	return (void *)&handle;
}

int xc_interface_close(xc_interface *xc)
{
	return 0;
}

int xc_domain_getinfo(xc_interface *xc, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
	memset(info, 0, sizeof(*info));
	info->domid = first;
	info->running = 1;
	return 1;
}

/* libxengnttab */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
	return (void *)&handle;
}

int xengnttab_close(xengnttab_handle *gnttab)
{
	return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *gnttab, uint32_t count)
{
	return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *gnttab, uint32_t domid, uint32_t ref, int prot)
{
	char name[32], path[PATH_MAX];
	void *page;
	int fd;

	snprintf(name, sizeof(name), "ring-%u", domid);
	fd = open(in_folder(path, sizeof(path), name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	page = ftruncate(fd, PAGE) ? MAP_FAILED : mmap(NULL, PAGE, prot, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(xengnttab_handle *gnttab, void *start, uint32_t count)
{
	return munmap(start, (size_t)count * PAGE);
}

/* libxenevtchn */

static int events = -1;

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
	char path[PATH_MAX];

	in_folder(path, sizeof(path), "events");
	if (events < 0 && (mkfifo(path, 0600) == 0 || errno == EEXIST))
		events = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return events < 0 ? NULL : (void *)&handle;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned flags)
{
	return xenevtchn_open(logger, flags);
}

int xenevtchn_close(xenevtchn_handle *evtchn)
{
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *evtchn)
{
	return events;
}

int xenevtchn_notify(xenevtchn_handle *evtchn, evtchn_port_t port)
{
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *evtchn, unsigned int virq)
{
	return DOMAIN_PORT;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *evtchn, uint32_t domid, evtchn_port_t port)
{
	return RING_PORT;
}

int xenevtchn_unbind(xenevtchn_handle *evtchn, evtchn_port_t port)
{
	return 0;
}

int xenevtchn_unmask(xenevtchn_handle *evtchn, evtchn_port_t port)
{
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *evtchn)
{
	char byte;

	return read(events, &byte, 1) == 1 ? RING_PORT : -1;
}

/* The kernel's files for the control domain's ring */

static int kernel_file(const char *path)
{
	int fd = -1;

	if (strcmp(path, "/proc/xen/xsd_port") == 0) {
		fd = memfd_create("xsd_port", 0);
		if (fd >= 0 && (write(fd, "1", 1) != 1 || lseek(fd, 0, SEEK_SET) != 0))
			abort();
	} else if (strcmp(path, "/proc/xen/xsd_kva") == 0) {
		fd = memfd_create("xsd_kva", 0);
		if (fd >= 0 && ftruncate(fd, PAGE))
			abort();
	}
	return fd;
}

#define OPEN(name)                                                            \
	int name(const char *path, int flags, ...)                            \
	{                                                                     \
		static int (*real)(const char *, int, ...);                   \
		mode_t mode = 0;                                              \
		int fd = kernel_file(path);                                   \
                                                                              \
		if (fd >= 0)                                                  \
			return fd;                                            \
		if (flags & (O_CREAT | O_TMPFILE)) {                          \
			va_list arguments;                                    \
                                                                              \
			va_start(arguments, flags);                           \
			mode = va_arg(arguments, mode_t);                     \
			va_end(arguments);                                    \
		}                                                             \
		if (!real)                                                    \
			real = dlsym(RTLD_NEXT, #name);                       \
		return real(path, flags, mode);                               \
	}
OPEN(open)
OPEN(open64)

int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

int __open64_2(const char *path, int flags)
{
	return open64(path, flags);
}

// What the console needs of the browser itself: the search shortcut, copying, where the keyboard goes on, and closing menus.
window.cdp = {
    reveal: id => document.getElementById(id)?.scrollIntoView({ block: "nearest" }),
    // What a dialog shows is there a moment later.
    focus: selector => cdp.soon(() => {
        const found = [...document.querySelectorAll(selector)].filter(each => each.checkVisibility()).pop();
        found?.focus();
        return found;
    }),
    // Before a question, and after a no: when it was asked over another dialog, the focus would fall to the body.
    remember: () => { cdp.before = document.activeElement; },
    goBack: () => cdp.soon(() => {
        const at = document.activeElement;
        if (at === document.body) {
            cdp.before?.focus();
        }
        return !at.closest(".rz-dialog-confirm-buttons, .rz-dialog-titlebar");
    }),
    soon: async done => {
        for (let tries = 0; tries < 50 && !done(); tries++) {
            await new Promise(resolve => setTimeout(resolve, 20));
        }
    },
};
document.addEventListener("keydown", event => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        document.getElementById("palette-open")?.click();
    }
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
    }
});
document.addEventListener("click", async event => {
    const copy = event.target.closest?.("[data-copy]");
    if (copy) {
        const source = copy.dataset.copy ? document.getElementById(copy.dataset.copy) : copy.previousElementSibling;
        await navigator.clipboard?.writeText(source?.value ?? source?.textContent ?? "");
        copy.classList.add("copied");
        setTimeout(() => copy.classList.remove("copied"), 1500);
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
        if (!menu.contains(event.target) || event.target.closest("a, button")) {
            menu.open = false;
        }
    }
});
// The server was started anew and knows nothing of this page: load it again.
const lost = document.getElementById("components-reconnect-modal");
if (lost) {
    new MutationObserver(() => {
        if (lost.classList.contains("components-reconnect-rejected")) {
            location.reload();
        }
    }).observe(lost, { attributeFilter: ["class"] });
}

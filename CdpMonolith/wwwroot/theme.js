// Light or dark: the reader's choice in a cookie, else what the system says.
(() => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
        const chosen = root.dataset.theme;
        root.dataset.shown = chosen || (system.matches ? "dark" : "light");
        if (chosen) {
            for (const sheet of document.querySelectorAll("[data-theme-sheet]")) {
                sheet.media = sheet.dataset.themeSheet === chosen ? "all" : "not all";
            }
        }
    };
    apply();
    system.addEventListener("change", apply);
    document.addEventListener("click", event => {
        if (event.target.closest?.("[data-theme-toggle]")) {
            root.dataset.theme = root.dataset.shown === "dark" ? "light" : "dark";
            document.cookie = `cdp.theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
            apply();
        }
    });
})();

// Sends a chosen or dropped file as the body of one request: through the page's own connection it would take ten times as long.
export function start(zone, input, page, address, token) {
    const tellEveryMs = 200;
    let request = null;
    const tell = (...what) => page.invokeMethodAsync(...what).catch(() => { });

    const send = file => {
        if (!file || request) {
            return;
        }
        let told = 0;
        request = new XMLHttpRequest();
        request.open("POST", `${address}?name=${encodeURIComponent(file.name)}`);
        request.setRequestHeader("RequestVerificationToken", token);
        request.upload.onprogress = event => {
            if (event.timeStamp - told >= tellEveryMs || event.loaded === event.total) {
                told = event.timeStamp;
                tell("Sending", file.name, event.loaded, event.total);
            }
        };
        request.onloadend = () => {
            const { status, responseText } = request;
            request = null;
            input.value = "";
            let answer = {};
            try {
                answer = JSON.parse(responseText);
            } catch {
                // No answer of ours: cut off, signed out or stopped by somebody; told below.
            }
            if (status === 200 && answer.fileId) {
                tell("Sent", answer.fileId);
            } else {
                tell("NotSent", answer.title ?? null);
            }
        };
        tell("Sending", file.name, 0, file.size);
        request.send(file);
    };

    input.addEventListener("change", () => send(input.files[0]));
    for (const name of ["dragenter", "dragover"]) {
        zone.addEventListener(name, event => {
            event.preventDefault();
            zone.classList.add("over");
        });
    }
    for (const name of ["dragleave", "drop"]) {
        zone.addEventListener(name, event => {
            event.preventDefault();
            zone.classList.remove("over");
        });
    }
    zone.addEventListener("drop", event => send(event.dataTransfer.files[0]));
    send(input.files[0]); // chosen before this script was here
    return { stop: () => request?.abort() };
}

// Passkeys: asks the server what is to be signed, lets the browser sign it, and sends the form.
// A part of a page says what it wants by data-passkey: "get" (sign) or "create" (make one).
"use strict";

(() => {
  const REFRESH = 4 * 60 * 1000; // what is to be signed is good for five minutes
  const able = window.PublicKeyCredential !== undefined && navigator.credentials !== undefined;
  let waiting = null; // the offer among the suggestions of the name field

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const listed = (credentials) =>
    (credentials || []).map((each) => ({ ...each, id: bytes(each.id) }));

  async function asked(part, form) {
    const challenge = form.elements.challenge;
    const answer = await fetch(part.dataset.options, {
      method: "POST",
      credentials: "same-origin",
      redirect: "error",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      },
      body: JSON.stringify(challenge ? { challenge: challenge.value } : {}),
    });
    if (!answer.ok) throw new Error(`options: ${answer.status}`);
    return answer.json();
  }

  async function signed(options, more) {
    const made = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: listed(options.allowCredentials),
      },
      ...more,
    });
    return answered(made, {
      authenticatorData: text(made.response.authenticatorData),
      signature: text(made.response.signature),
      userHandle: made.response.userHandle ? text(made.response.userHandle) : null,
    });
  }

  async function created(options) {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: listed(options.excludeCredentials),
      },
    });
    const ways = made.response.getTransports;
    return answered(made, {
      attestationObject: text(made.response.attestationObject),
      transports: ways ? ways.call(made.response) : [],
    });
  }

  function answered(made, response) {
    const clientDataJSON = text(made.response.clientDataJSON);
    const id = text(made.rawId);
    return JSON.stringify({
      id, rawId: id, type: made.type, response: { clientDataJSON, ...response },
    });
  }

  function send(form, answer) {
    form.elements.passkey.value = answer;
    // "Keep me signed in" stands in the form for the password.
    const keep = document.querySelector('input[type="checkbox"][name="keep"]');
    if (keep && keep.checked && !form.elements.keep) {
      const copy = Object.assign(document.createElement("input"), { type: "hidden" });
      Object.assign(copy, { name: "keep", value: keep.value });
      form.append(copy);
    }
    form.submit();
  }

  function tell(part, what) {
    for (const each of part.querySelectorAll("[data-when]")) {
      each.hidden = each.dataset.when !== what;
    }
  }

  async function act(part, form) {
    tell(part, "ready");
    if (waiting) waiting.abort();
    try {
      const options = await asked(part, form);
      const make = part.dataset.passkey === "create";
      send(form, await (make ? created(options) : signed(options, {})));
    } catch (problem) {
      tell(part, problem.name === "InvalidStateError" ? "known" : "failed");
      offer(part, form);
    }
  }

  // Passkeys among the suggestions of the name field, where the browser can do that.
  async function offer(part, form) {
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    const field = document.querySelector('input[autocomplete~="username"]');
    if (!("suggest" in part.dataset) || !field || !can) return;
    if (!(await can.call(PublicKeyCredential))) return;
    field.autocomplete = "username webauthn";
    const mine = (waiting = new AbortController());
    const again = setTimeout(() => { mine.abort(); offer(part, form); }, REFRESH);
    try {
      const options = await asked(part, form);
      send(form, await signed(options, { mediation: "conditional", signal: mine.signal }));
    } catch {
      // Aborted by the button or the clock, or not wanted: the button is still there.
      if (!mine.signal.aborted) clearTimeout(again);
    }
  }

  for (const part of document.querySelectorAll("[data-passkey]")) {
    const form = part.querySelector("form");
    if (!able) {
      tell(part, "unable");
      continue;
    }
    part.hidden = false;
    for (const each of part.querySelectorAll("[data-able]")) each.hidden = false;
    tell(part, "ready");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act(part, form);
    });
    offer(part, form);
  }
})();

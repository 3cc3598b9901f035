// What hosts and co-hosts have beside the room: open the air, end it, the links.

import { button, el, setText, toast } from "./dom.js";
import { ask, copyText, showCode } from "./dialogs.js";
import { Front } from "./front.js";
import { t } from "./words.js";

export class Desk {
  constructor(session, act) {
    this.session = session;
    this.act = act;
    this.openButton = button({ text: t("open_air"), tone: "live", id: "open-air", data: { size: "l", tone: "live" }, onclick: () => this.#open() });
    this.openHint = el("p", { class: "soft small" });
    this.opening = el("div", { class: "stack-s" }, this.openButton, this.openHint);
    this.endButton = button({ text: t("end"), tone: "danger", id: "end", onclick: () => this.#end() });
    this.listen = el("input", { readOnly: true, id: "listen-link", value: session.state.listenerAddress, onfocus: () => this.listen.select() });
    this.list = el("ul", { class: "links list" });
    this.front = new Front(session);
    this.air = this.#air();
    this.node = el("aside", { class: "desk stack", aria: { label: t("host_tools") } }, this.air, this.#invitations());
    this.refresh();
  }

  #air() {
    return el("div", { class: "card stack" },
      el("h2", {}, t("host_tools")), this.opening, this.endButton,
      el("div", { class: "field" }, el("label", { htmlFor: "listen-link" }, t("listen_link")),
        el("div", { class: "copy-field" }, this.listen, button({ sign: "copy", tone: "quiet", label: t("copy"), onclick: () => copyText(this.listen, toast) }))));
  }

  #invitations() {
    const name = el("input", { id: "invite-name", maxLength: 60, dir: "auto", placeholder: t("invite_name"), aria: { label: t("invite_name") } });
    const roles = this.session.state.you.role === "host" ? ["guest", "cohost"] : ["guest"];
    const role = el("select", { id: "invite-role", aria: { label: t("invite_role") } }, roles.map((value) => el("option", { value }, t(`role_${value}`))));
    const make = async (event) => {
      event.preventDefault();
      if (await this.#changed(() => this.session.api.newLink(role.value, name.value))) {
        name.value = "";
        toast(t("invite_made"));
      }
    };
    const submit = button({ text: t("invite_new"), tone: "quiet", id: "invite" });
    submit.type = "submit";
    return el("div", { class: "card stack" },
      el("div", {}, el("h2", {}, t("invitations")), el("p", { class: "soft small" }, t("invitations_text"))),
      this.list,
      el("form", { class: "invite", onsubmit: make }, name, role, submit));
  }

  /** The door is wide, so it stands under `main` where there are two columns, else after the air's buttons;
   *  moved, not drawn elsewhere, so that the keyboard goes where the eye does. */
  place(main, beside) {
    if (beside) main.append(this.front.node);
    else this.air.after(this.front.node);
  }

  update() {
    const { phase, room } = this.session.state;
    const closed = phase === "announced" || phase === "green_room";
    this.opening.hidden = !closed;
    this.openButton.disabled = this.session.state.sound !== "connected";
    setText(this.openHint, (room?.speakers.length ?? 0) > 1 ? t("open_air_text") : t("open_air_alone"));
    this.endButton.hidden = closed;
    this.front.update();
  }

  async #open() {
    this.openButton.dataset.busy = "true";
    await this.act("open_air");
    delete this.openButton.dataset.busy;
  }

  async #end() {
    if (await ask({ title: t("end_title"), text: t("end_text"), yes: t("end_confirm") })) await this.act("end");
  }

  async refresh() {
    try {
      const links = await this.session.api.links();
      this.list.replaceChildren(...links.filter((link) => !link.own).map((link) => this.#row(link)));
    } catch {
      // the list stays as it was; it is asked for again with the next change
    }
  }

  async #changed(change) {
    try {
      await change();
    } catch (error) {
      toast(t(error.reason === "forbidden" ? "command_forbidden" : "command_failed"));
      return false;
    }
    await this.refresh();
    return true;
  }

  #row(link) {
    const name = link.name || `${t(`role_${link.role}`)} ${link.serial.slice(1)}`;
    const tools = link.revoked ? el("span", { class: "badge", data: { plain: "" } }, t("revoked")) : link.address ? this.#tools(link, name) : null;
    return el("li", { class: "link", data: { revoked: String(link.revoked), serial: link.serial } },
      el("div", { class: "grow" }, el("bdi", { class: "person-name" }, name), el("div", { class: "soft small" }, t(`role_${link.role}`))), tools);
  }

  #tools(link, name) {
    const revoke = async () => {
      if (await ask({ title: t("revoke_title"), text: t("revoke_text"), yes: t("revoke") })) await this.#changed(() => this.session.api.revokeLink(link.serial));
    };
    const picture = async () => {
      try {
        showCode(t("code_title", { name }), await this.session.api.linkPicture(link.serial));
      } catch {
        toast(t("command_failed"));
      }
    };
    return el("div", { class: "row link-tools" },
      button({ text: t("copy"), sign: "copy", tone: "quiet", aria: { label: `${t("copy")}: ${name}` }, data: { tone: "quiet", address: link.address }, onclick: () => copyText(link.address, toast) }),
      button({ sign: "code", tone: "quiet", label: `${t("show_code")}: ${name}`, onclick: picture }),
      button({ text: t("revoke"), tone: "plain", aria: { label: `${t("revoke")}: ${name}` }, onclick: revoke }));
  }
}

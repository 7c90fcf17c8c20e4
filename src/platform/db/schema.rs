//! All tables, as in both databases; `tests/api/schema.rs` compares this with the result of the migrations.

diesel::table! {
    practices (id) {
        id -> Text,
        name -> Text,
        city -> Text,
        plan -> Text,
        language -> Text,
        time_zone -> Text,
        notice_email -> Nullable<Text>,
        state -> Text,
        created_at -> BigInt,
        logo -> Nullable<Binary>,
        logo_type -> Nullable<Text>,
        accent -> Nullable<Text>,
        countries -> Nullable<Text>,
        logo_version -> Nullable<Text>,
    }
}

diesel::table! {
    practice_links (id) {
        id -> Text,
        practice_id -> Text,
        code -> Text,
        label -> Text,
        tags -> Text,
        welcome -> Nullable<Text>,
        state -> Text,
        is_default -> Bool,
        created_at -> BigInt,
        owner -> Text,
        assignee_id -> Nullable<Text>,
        discreet -> Bool,
        forward_id -> Nullable<Text>,
    }
}

diesel::table! {
    verifications (id) {
        id -> Text,
        client_secret_hash -> Text,
        phone -> Nullable<Text>,
        phone_key -> Text,
        country -> Text,
        can_text -> Bool,
        link_id -> Nullable<Text>,
        practice_id -> Nullable<Text>,
        language -> Text,
        app_hash -> Nullable<Text>,
        key_id -> Text,
        nonce -> Binary,
        epoch -> Integer,
        code_expires_at -> BigInt,
        channel -> Text,
        delivery -> Text,
        sends -> Integer,
        next_sms_at -> Nullable<BigInt>,
        next_call_at -> BigInt,
        checks -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
        verified_at -> Nullable<BigInt>,
        proof_hash -> Nullable<Text>,
        proof_expires_at -> Nullable<BigInt>,
        proof_consumed_at -> Nullable<BigInt>,
        proof_account_id -> Nullable<Text>,
        proof_pairing_id -> Nullable<Text>,
        can_call -> Bool,
        proof_session_id -> Nullable<Text>,
    }
}

diesel::table! {
    check_budgets (phone_key) {
        phone_key -> Text,
        fails -> Integer,
        fails_in_a_row -> Integer,
        window_ends_at -> BigInt,
        next_check_at -> BigInt,
        sent -> Text,
    }
}

diesel::table! {
    budgets (key) {
        key -> Text,
        hits -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Text,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        created_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        email_proven_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    patients (id) {
        id -> Text,
        account_id -> Text,
        given_name -> Text,
        family_name -> Text,
        birth_date -> Nullable<Text>,
        session_id -> Text,
        created_at -> BigInt,
        relation -> Text,
    }
}

diesel::table! {
    account_sessions (id) {
        id -> Text,
        account_id -> Text,
        scope -> Text,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Text,
        session_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    pairings (id) {
        id -> Text,
        account_id -> Text,
        patient_id -> Text,
        practice_id -> Text,
        link_id -> Nullable<Text>,
        session_id -> Text,
        method -> Text,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        owner -> Text,
        invite_id -> Nullable<Text>,
    }
}

diesel::table! {
    conversations (id) {
        id -> Text,
        pairing_id -> Text,
        practice_id -> Text,
        status -> Text,
        entry_count -> Integer,
        created_at -> BigInt,
        owner -> Text,
        assignee_id -> Nullable<Text>,
        link_id -> Nullable<Text>,
        identity -> Text,
        last_entry_at -> BigInt,
        unread -> Bool,
        read_position -> Integer,
        patient_read_position -> Integer,
        acknowledged_by -> Nullable<Text>,
        acknowledged_at -> Nullable<BigInt>,
        endpoint_id -> Nullable<Text>,
        identity_since -> BigInt,
        to_verify -> Bool,
        met_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    conversation_tags (conversation_id, tag) {
        conversation_id -> Text,
        tag -> Text,
        given -> Bool,
    }
}

diesel::table! {
    entries (id) {
        id -> Text,
        conversation_id -> Text,
        position -> Integer,
        kind -> Text,
        author -> Text,
        body -> Text,
        created_at -> BigInt,
        author_id -> Nullable<Text>,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        topic -> Text,
        dedupe_key -> Text,
        recipient -> Nullable<Text>,
        payload -> Text,
        state -> Text,
        attempts -> Integer,
        next_at -> BigInt,
        not_after -> Nullable<BigInt>,
        lease_token -> Nullable<Text>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
        settled_at -> Nullable<BigInt>,
        ambiguous -> Integer,
        channel -> Text,
        scheduled_at -> BigInt,
        priority -> Integer,
    }
}

diesel::table! {
    deliveries (id) {
        id -> Text,
        outbox_id -> Text,
        attempt -> Integer,
        outcome -> Nullable<Text>,
        started_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        provider -> Nullable<Text>,
        reference -> Nullable<Text>,
        receipt -> Text,
        receipt_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    caught_messages (id) {
        id -> Text,
        dedupe_key -> Text,
        channel -> Text,
        recipient -> Text,
        body -> Text,
        code -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (key_hash) {
        key_hash -> Text,
        request_mac -> Text,
        answer -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    staff (id) {
        id -> Text,
        practice_id -> Text,
        email -> Text,
        name -> Text,
        role -> Text,
        state -> Text,
        created_at -> BigInt,
        password_hash -> Nullable<Text>,
        password_at -> Nullable<BigInt>,
        totp_secret -> Nullable<Text>,
        totp_step -> Nullable<BigInt>,
        enrolled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    teams (id) {
        id -> Text,
        practice_id -> Text,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    team_members (team_id, staff_id) {
        team_id -> Text,
        staff_id -> Text,
    }
}

diesel::table! {
    link_people (link_id, staff_id, part) {
        link_id -> Text,
        staff_id -> Text,
        part -> Text,
    }
}

diesel::table! {
    pairing_links (pairing_id, link_id) {
        pairing_id -> Text,
        link_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    pending_pairings (id) {
        id -> Text,
        phone_key -> Text,
        link_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        taken_by -> Nullable<Text>,
        proven_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    funnel_events (id) {
        id -> Text,
        link_id -> Text,
        step -> Text,
        channel -> Text,
        count -> BigInt,
        at -> BigInt,
        batch -> Nullable<Text>,
    }
}

diesel::table! {
    funnel_counts (link_id, day, step, channel, slot) {
        link_id -> Text,
        day -> Text,
        step -> Text,
        channel -> Text,
        slot -> Integer,
        count -> BigInt,
    }
}

diesel::table! {
    paused_channels (channel) {
        channel -> Text,
        reason -> Text,
        paused_at -> BigInt,
        try_at -> BigInt,
        needs_receipt -> Bool,
    }
}

diesel::table! {
    opt_outs (sender, phone_key) {
        sender -> Text,
        phone_key -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    inbound_texts (id) {
        id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    notice_preferences (person, link_id) {
        person -> Text,
        link_id -> Text,
        frequency -> Text,
        changed_at -> BigInt,
    }
}

diesel::table! {
    digests (id) {
        id -> Text,
        person -> Text,
        link_id -> Text,
        count -> Integer,
        first_at -> BigInt,
        due_at -> BigInt,
        last_at -> BigInt,
    }
}

diesel::table! {
    bounced_mailboxes (address_key) {
        address_key -> Text,
        person -> Text,
        reason -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    mail_reports (id) {
        id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    mailed (outbox_id) {
        outbox_id -> Text,
        address_key -> Text,
        bounced_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    notice_turns (practice_id) {
        practice_id -> Text,
        taken_at -> BigInt,
    }
}

diesel::table! {
    webhook_endpoints (id) {
        id -> Text,
        practice_id -> Text,
        url -> Text,
        label -> Text,
        events -> Text,
        secret -> Text,
        old_secret -> Nullable<Text>,
        old_secret_until -> Nullable<BigInt>,
        state -> Text,
        disabled_reason -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    webhook_events (id) {
        id -> Text,
        practice_id -> Text,
        kind -> Text,
        body -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Text,
        endpoint_id -> Text,
        event_id -> Text,
        state -> Text,
        attempts -> Integer,
        last_outcome -> Nullable<Text>,
        replays -> Integer,
        created_at -> BigInt,
        settled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_sessions (id) {
        id -> Text,
        staff_id -> Text,
        kind -> Text,
        label -> Text,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_tokens (hash) {
        hash -> Text,
        session_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_challenges (hash) {
        hash -> Text,
        staff_id -> Text,
        new_secret -> Nullable<Text>,
        attempts -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_recovery_codes (hash) {
        hash -> Text,
        staff_id -> Text,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_letters (hash) {
        hash -> Text,
        staff_id -> Text,
        purpose -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff_throttles (key) {
        key -> Text,
        fails -> Integer,
        next_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    events (id) {
        id -> Text,
        seq -> Nullable<BigInt>,
        at -> BigInt,
        practice_id -> Nullable<Text>,
        account_id -> Nullable<Text>,
        actor -> Text,
        kind -> Text,
        subject -> Text,
        detail -> Text,
        conversation_id -> Nullable<Text>,
        place -> Integer,
        chain -> Nullable<Text>,
        chain_seq -> Nullable<BigInt>,
        chain_hash -> Nullable<Text>,
    }
}

diesel::table! {
    event_chains (chain) {
        chain -> Text,
        seq -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    reaction_cursors (name) {
        name -> Text,
        seq -> BigInt,
    }
}

diesel::table! {
    parked_events (reaction, event_id) {
        reaction -> Text,
        event_id -> Text,
        attempts -> Integer,
        error -> Text,
        failed_at -> BigInt,
        parked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    identity_decisions (id) {
        id -> Text,
        conversation_id -> Text,
        position -> Integer,
        practice_id -> Text,
        kind -> Text,
        method -> Nullable<Text>,
        note -> Nullable<Text>,
        actor -> Text,
        record_id -> Nullable<Text>,
        compared -> Nullable<Text>,
        state_before -> Text,
        state_after -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    number_blocks (practice_id, phone_key, decision_id) {
        practice_id -> Text,
        phone_key -> Text,
        decision_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    patient_records (id) {
        id -> Text,
        practice_id -> Text,
        number -> Text,
        given_name -> Text,
        family_name -> Text,
        birth_date -> Nullable<Text>,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        active -> Bool,
        created_at -> BigInt,
        changed_at -> BigInt,
        import_id -> Nullable<Text>,
        search -> Text,
    }
}

diesel::table! {
    record_imports (id) {
        id -> Text,
        practice_id -> Text,
        actor -> Text,
        format -> Text,
        mode -> Text,
        options -> Text,
        state -> Text,
        open_key -> Nullable<Text>,
        rows_total -> BigInt,
        rows_done -> BigInt,
        created -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        refused -> BigInt,
        retired -> BigInt,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        active_before -> Nullable<BigInt>,
        left_out -> BigInt,
        unread -> BigInt,
    }
}

diesel::table! {
    import_chunks (import_id, position) {
        import_id -> Text,
        position -> BigInt,
        first_row -> BigInt,
        row_count -> BigInt,
        is_done -> Bool,
        source -> Nullable<Binary>,
        results -> Nullable<Text>,
    }
}

diesel::table! {
    record_values (record_id, kind, value) {
        record_id -> Text,
        kind -> Text,
        value -> Text,
        practice_id -> Text,
        current -> Bool,
        since -> BigInt,
    }
}

diesel::table! {
    identity_grades (conversation_id) {
        conversation_id -> Text,
        grade -> Text,
        candidates -> Integer,
        record_id -> Nullable<Text>,
        graded_at -> BigInt,
    }
}

diesel::table! {
    invites (id) {
        id -> Text,
        practice_id -> Text,
        link_id -> Text,
        created_by -> Text,
        name -> Nullable<Text>,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        language -> Text,
        state -> Text,
        token_hash -> Nullable<Text>,
        email_hash -> Nullable<Text>,
        email_hash_expires_at -> Nullable<BigInt>,
        sends -> Integer,
        sent_at -> Nullable<BigInt>,
        text_due_at -> Nullable<BigInt>,
        opened_at -> Nullable<BigInt>,
        phone_proven_at -> Nullable<BigInt>,
        email_proven_at -> Nullable<BigInt>,
        other_number_at -> Nullable<BigInt>,
        bounced_channel -> Nullable<Text>,
        accepted_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        name_agrees -> Nullable<Bool>,
        account_id -> Nullable<Text>,
        conversation_id -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    invite_imports (id) {
        id -> Text,
        practice_id -> Text,
        link_id -> Text,
        created_by -> Text,
        total -> Integer,
        created_at -> BigInt,
    }
}

diesel::table! {
    invite_import_rows (import_id, line) {
        import_id -> Text,
        line -> Integer,
        written -> Nullable<Text>,
        result -> Nullable<Text>,
        invite_id -> Nullable<Text>,
    }
}

diesel::table! {
    email_codes (asked_by) {
        asked_by -> Text,
        account_id -> Text,
        email -> Text,
        seed -> Text,
        tries -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::joinable!(practice_links -> practices (practice_id));
diesel::joinable!(verifications -> practice_links (link_id));
diesel::joinable!(verifications -> practices (practice_id));
diesel::joinable!(patients -> accounts (account_id));
diesel::joinable!(account_sessions -> accounts (account_id));
diesel::joinable!(refresh_tokens -> account_sessions (session_id));
diesel::joinable!(pairings -> accounts (account_id));
diesel::joinable!(pairings -> patients (patient_id));
diesel::joinable!(pairings -> practices (practice_id));
diesel::joinable!(pairings -> practice_links (link_id));
diesel::joinable!(conversations -> pairings (pairing_id));
diesel::joinable!(conversations -> practices (practice_id));
diesel::joinable!(conversation_tags -> conversations (conversation_id));
diesel::joinable!(entries -> conversations (conversation_id));
diesel::joinable!(deliveries -> outbox (outbox_id));
diesel::joinable!(staff -> practices (practice_id));
diesel::joinable!(teams -> practices (practice_id));
diesel::joinable!(team_members -> teams (team_id));
diesel::joinable!(team_members -> staff (staff_id));
diesel::joinable!(link_people -> practice_links (link_id));
diesel::joinable!(link_people -> staff (staff_id));
diesel::joinable!(pairing_links -> pairings (pairing_id));
diesel::joinable!(pairing_links -> practice_links (link_id));
diesel::joinable!(pending_pairings -> practice_links (link_id));
diesel::joinable!(funnel_events -> practice_links (link_id));
diesel::joinable!(funnel_counts -> practice_links (link_id));
diesel::joinable!(notice_preferences -> practice_links (link_id));
diesel::joinable!(digests -> practice_links (link_id));
diesel::joinable!(webhook_endpoints -> practices (practice_id));
diesel::joinable!(webhook_events -> practices (practice_id));
diesel::joinable!(webhook_deliveries -> webhook_endpoints (endpoint_id));
diesel::joinable!(webhook_deliveries -> webhook_events (event_id));

diesel::joinable!(staff_sessions -> staff (staff_id));
diesel::joinable!(staff_tokens -> staff_sessions (session_id));
diesel::joinable!(staff_challenges -> staff (staff_id));
diesel::joinable!(staff_recovery_codes -> staff (staff_id));
diesel::joinable!(staff_letters -> staff (staff_id));
diesel::joinable!(identity_decisions -> conversations (conversation_id));
diesel::joinable!(identity_grades -> conversations (conversation_id));
diesel::joinable!(record_values -> patient_records (record_id));
diesel::joinable!(import_chunks -> record_imports (import_id));
diesel::joinable!(invites -> practice_links (link_id));
diesel::joinable!(invite_imports -> practices (practice_id));
diesel::joinable!(invite_import_rows -> invite_imports (import_id));
diesel::joinable!(email_codes -> accounts (account_id));
diesel::allow_tables_to_appear_in_same_query!(
    practices,
    practice_links,
    verifications,
    check_budgets,
    budgets,
    accounts,
    patients,
    account_sessions,
    refresh_tokens,
    pairings,
    conversations,
    conversation_tags,
    entries,
    outbox,
    deliveries,
    caught_messages,
    idempotency_keys,
    staff,
    teams,
    team_members,
    link_people,
    pairing_links,
    pending_pairings,
    funnel_events,
    funnel_counts,
    paused_channels,
    opt_outs,
    inbound_texts,
    notice_preferences,
    digests,
    bounced_mailboxes,
    mail_reports,
    mailed,
    notice_turns,
    webhook_endpoints,
    webhook_events,
    webhook_deliveries,
    staff_sessions,
    staff_tokens,
    staff_challenges,
    staff_recovery_codes,
    staff_letters,
    staff_throttles,
    events,
    event_chains,
    reaction_cursors,
    parked_events,
    identity_decisions,
    number_blocks,
    patient_records,
    record_values,
    identity_grades,
    record_imports,
    import_chunks,
    invites,
    invite_imports,
    invite_import_rows,
    email_codes,
);
